"""How rarely two runs of ours disagree: what the report does not say of its own. No torch here.

Of two labels, whoever answers otherwise is right where the other is wrong; so the stored answers alone tell how many
reviews only one of two has right. Our runs have another base model and fewer reviews: their rate is a hint, no bound.
"""

from collections.abc import Iterable
from itertools import combinations
from statistics import fmean

from peft_core.checkpoints.record import RunRecord
from peft_core.report.quoted import Quoted


def our_disagreement(first: Quoted, second: Quoted, runs: Iterable[RunRecord]) -> float | None:
    """On what share of the test reviews two of our runs with these settings give different answers: mean over pairs.

    Of settings that were not both run, or only once: two runs of the method of both. None: there are no such two.

    Args:
        runs: those without stored answers are left out.
    """
    two = _pairs(runs)
    same = [(a, b) for a, b in two if _fit(first, second, a, b) or _fit(first, second, b, a)]
    method = first.method.method
    alike = [(a, b) for a, b in two if {a.config.method.method, b.config.method.method} == {method}]
    return _mean_rate(same or (alike if second.method.method == method else []))


def between_seeds(runs: Iterable[RunRecord]) -> float | None:
    """The same of two runs that differ in their seed alone; None: there are no such two."""
    return _mean_rate([(a, b) for a, b in _pairs(runs) if _without_seed(a) == _without_seed(b)])


def _pairs(runs: Iterable[RunRecord]) -> list[tuple[RunRecord, RunRecord]]:
    """Every two that answered the same reviews."""
    told = [run for run in runs if run.test_probabilities is not None]
    return [(a, b) for a, b in combinations(told, 2) if _asked(a) == _asked(b)]


def _asked(run: RunRecord) -> tuple[str, str, int]:
    return run.config.base, run.config.data.source, run.test.n


def _fit(first: Quoted, second: Quoted, one: RunRecord, other: RunRecord) -> bool:
    return first.matches(one.config.method) and second.matches(other.config.method)


def _without_seed(run: RunRecord) -> object:
    train = run.config.train.model_copy(update={"seed": 0, "test_curve": False})
    return run.config.model_copy(update={"train": train})


def _mean_rate(pairs: list[tuple[RunRecord, RunRecord]]) -> float | None:
    return fmean(_rate(a, b) for a, b in pairs) if pairs else None


def _rate(one: RunRecord, other: RunRecord) -> float:
    answers = [[p > 0.5 for p in run.test_probabilities or ()] for run in (one, other)]
    return fmean(a != b for a, b in zip(*answers, strict=True))
