"""What choosing the best epoch on the test set adds to its accuracy. No torch here.

As far as its numbers tell, the report's table has, of ten epochs, the one that did best on the 25,000 test reviews. The
best of several measurements is too good: it is partly the luckiest. Three ways to see how much:

    the report's curves      best epoch − last epoch                            quoted; luck, and what went wrong later
    our runs' test curves    best epoch on test − epoch chosen on validation    both on the same test reviews
    parts of a test split    choose on one part, look at the other              the other is as good as new reviews

The third needs each model's answers, not only its accuracy, and any candidates will do: epochs, or checkpoints.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from peft_core.checkpoints.record import RunRecord
from peft_core.report.quoted import Quoted, QuotedEpoch, quoted_rows
from peft_core.statistics.intervals import Accuracy, newcombe, wilson

DRAWS = 10_000


@dataclass(frozen=True)
class QuotedOptimism:
    """A curve of the report: what its table says, and what the last epoch would have said. Shares, 0…1."""

    quoted: Quoted
    best: QuotedEpoch
    last: QuotedEpoch

    @property
    def difference(self) -> float:
        """best − last; 0 if the last epoch is the best."""
        return self.best.accuracy - self.last.accuracy


def quoted_optimism() -> tuple[QuotedOptimism, ...]:
    """The optimism of every row of the report that has a curve."""
    rows = [row for row in quoted_rows() if row.curve]
    return tuple(QuotedOptimism(row, max(row.curve, key=lambda e: e.accuracy), row.curve[-1]) for row in rows)


@dataclass(frozen=True)
class RunOptimism:
    """A run whose test accuracy was noted at every validation.

    `claimed`: its best test accuracy after the start, at `claimed_step`: what the report would print. `honest`: the
    test accuracy at `honest_step`, which validation chose. Shares, 0…1, of the same n test reviews.
    """

    claimed: float
    claimed_step: int
    honest: float
    honest_step: int
    candidates: int
    n: int

    @property
    def difference(self) -> float:
        """claimed − honest, never negative: luck on the test reviews, and what validation failed to see."""
        return self.claimed - self.honest


def run_optimism(record: RunRecord) -> RunOptimism | None:
    """None: the run did not note its test accuracy (setting `test_curve`), or took no step."""
    curve = (record.test_curve or ())[1:]  # the first point is before any step
    at = dict(curve)
    if record.best_step not in at:
        return None
    step, claimed = max(curve, key=lambda point: point[1])
    return RunOptimism(claimed, step, at[record.best_step], record.best_step, len(curve), record.test.n)


def luck_alone(candidates: int, n: int, disagreement: float) -> float:
    """How far the best of several equally good candidates lies above a given one, on average, on the same n reviews.

    Two of them that disagree on a share ψ of the reviews have accuracies that differ with a standard deviation of
    √(ψ/n), each by a part of its own of √(ψ/2n); and the largest of k such parts is expected E[max of k standard
    normals] of them above 0.

    Args:
        disagreement: ψ, the share of the reviews that one of two candidates has right and the other wrong.
    """
    from scipy.special import ndtr

    x, step = np.linspace(-9, 9, 2001, retstep=True)
    density = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    largest = float((x * candidates * density * ndtr(x) ** (candidates - 1)).sum() * step)
    return largest * (disagreement / (2 * n)) ** 0.5


@dataclass(frozen=True)
class ValidationGap:
    """Best validation accuracy − test accuracy of the same weights: [low, high] is its 95% interval.

    The first was chosen to be high, the second was not. But the two are of different reviews: one split may be harder,
    so this is more, or less, than optimism.
    """

    validation: Accuracy
    test: Accuracy
    difference: float
    low: float
    high: float


def validation_gap(records: Iterable[RunRecord]) -> ValidationGap | None:
    """Over all runs that validated and tested on the same numbers of reviews as the first; None without runs.

    All runs share their validation and their test reviews, so the interval is that of one run, not narrower.
    """
    records = list(records)
    if not records:
        return None
    sizes = (records[0].validation.n, records[0].test.n)
    alike = [record for record in records if (record.validation.n, record.test.n) == sizes]
    validation = wilson(fmean(r.validation.accuracy for r in alike) * sizes[0], sizes[0])
    test = wilson(fmean(r.test.accuracy for r in alike) * sizes[1], sizes[1])
    return ValidationGap(validation, test, validation.accuracy - test.accuracy, *newcombe(validation, test))


@dataclass(frozen=True)
class SelectionOptimism:
    """The best of `candidates` was chosen on `chosen_on` reviews and looked at on `fresh`, again and again.

    Means over random divisions of the reviews; `low` and `high` hold 95% of the divisions' differences.
    """

    candidates: int
    chosen_on: int
    fresh: int
    claimed: float
    honest: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """claimed − honest: the optimism of choosing on `chosen_on` reviews, without bias."""
        return self.claimed - self.honest


def selection_optimism(right: np.ndarray, chosen_on: int, seed: int = 0, draws: int = DRAWS) -> SelectionOptimism:
    """Choose the best candidate on some of the reviews, look at it on the others.

    The reviews that were not chosen on are as good as new ones, so on average claimed − honest is the optimism.
    Only the pattern of who has a review right matters: how many of each pattern fall into the part that is chosen on
    follows a multivariate hypergeometric distribution, and no review needs to be moved. Of equally good candidates the
    first is chosen.

    Args:
        right: whether each candidate answered each review right, shape (candidates, reviews).
        chosen_on: number of reviews to choose on, at least 1 and fewer than all.

    Raises:
        ValueError: if `right` has another shape, or `chosen_on` leaves none to look at.
    """
    right = np.asarray(right, dtype=bool)
    if right.ndim != 2 or not right.size or not 0 < chosen_on < right.shape[1]:
        raise ValueError(f"cannot choose on {chosen_on} of the reviews with answers of shape {right.shape}")
    patterns, counts = np.unique(right.T, axis=0, return_counts=True)  # (patterns, candidates), (patterns,)
    generator = np.random.default_rng(seed)
    drawn = generator.multivariate_hypergeometric(counts, chosen_on, size=draws, method="marginals")
    inside = drawn @ patterns.astype(np.int64)  # (draws, candidates): right answers among those chosen on
    best = inside.argmax(axis=1)
    fresh = right.shape[1] - chosen_on
    claimed = inside[np.arange(draws), best] / chosen_on
    honest = (right.sum(axis=1)[best] - inside[np.arange(draws), best]) / fresh
    low, high = np.quantile(claimed - honest, (0.025, 0.975))
    return SelectionOptimism(
        len(right), chosen_on, fresh, float(claimed.mean()), float(honest.mean()), float(low), float(high)
    )
