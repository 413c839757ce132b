"""Questions on the accuracies in the `run.json` of shipped checkpoints: which differences are more than chance?"""

from collections.abc import Mapping

from app.content import label, text
from app.method.quiz.questions.facts import Comparison, Facts, Seeds
from app.method.quiz.questions.question import Question, Setting, worded
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.methods.registry import method_label

NEVER_ROUNDED_TO_ZERO = 0.0001


def _titled(info: CheckpointInfo) -> str:
    return method_label(info.record.config.method)


def _accuracy(info: CheckpointInfo) -> str:
    test = info.record.test
    return f"{test.accuracy:.1%} ({test.low:.1%} to {test.high:.1%})"


def _records(infos: list[CheckpointInfo]) -> str:
    names = ", ".join(f"`{info.name}`" for info in infos)
    dates = sorted({info.record.created[:10] for info in infos})
    return label("quiz", "from_records", names=names, date=" – ".join(dict.fromkeys((dates[0], dates[-1]))))


def evidence(comparison: Comparison) -> str:
    """Why the difference is more than chance, or why that cannot be told."""
    first, second, paired = comparison.first, comparison.second, comparison.paired
    values: dict[str, object] = {"first": _titled(first), "second": _titled(second), "n": first.record.test.n}
    section = comparison.evidence
    if paired:
        small = paired.p < NEVER_ROUNDED_TO_ZERO
        values |= {
            "only_first": paired.only_first,
            "only_second": paired.only_second,
            "p": f"p < {NEVER_ROUNDED_TO_ZERO}" if small else f"p = {paired.p:.2g}",
        }
        section = "paired_chance" if comparison.verdict == "unclear" else "paired_real"
    if comparison.seeds:
        return _of_seeds(comparison.seeds, values, comparison.verdict == "unclear")
    seeds = sorted({first.record.config.train.seed, second.record.config.train.seed})
    return " ".join(
        (
            text("quiz/shared", section, **values),
            text("quiz/shared", "one_run", seeds=", ".join(map(str, seeds))),
        )
    )


def _of_seeds(seeds: Seeds, values: Mapping[str, object], unclear: bool) -> str:
    """All runs of both settings: the unit is the run."""
    shares = [", ".join(f"{share:.1%}" for share in sorted(runs)) for runs in (seeds.first, seeds.second)]
    ahead = sum(pair.difference > 0 for pair in seeds.pairs)
    p = sorted(pair.p for pair in seeds.pairs)
    return text(
        "quiz/shared", "seeds_chance" if unclear else "seeds_real", **values, first_shares=shares[0],
        second_shares=shares[1], difference=_points(seeds.means.value), low=_points(seeds.means.low),
        high=_points(seeds.means.high), p=f"{seeds.means.p:.2g}", ahead=ahead, pairs=len(seeds.pairs),
        smallest=f"{p[0]:.2g}", largest=f"{p[-1]:.2g}",
    )  # fmt: skip


def _points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")


def _difference(setting: Setting, facts: Facts, name: str, first: str, second: str) -> Question | None:
    """Is the first method's checkpoint more accurate than the second's, or the other way round, or unclear?"""
    infos = [facts.checkpoint(first), facts.checkpoint(second)]
    if None in infos:
        return None
    comparison = facts.compare(*infos)
    counts = [info.record.trainable_parameters for info in infos]
    values = {
        "first": _titled(infos[0]), "second": _titled(infos[1]), "first_accuracy": _accuracy(infos[0]),
        "second_accuracy": _accuracy(infos[1]), "first_count": counts[0], "second_count": counts[1],
        "ratio": max(counts) / min(counts), "evidence": evidence(comparison), "n": infos[0].record.test.n,
    }  # fmt: skip
    options = ("first", "second", "unclear")
    return worded(setting, name, options, comparison.verdict, _records(infos), values)


def more_is_better(setting: Setting, facts: Facts) -> Question | None:
    """Full fine-tuning trains everything: is it more accurate than LoRA?"""
    return _difference(setting, facts, "more_is_better", "full", "lora")


def behind(setting: Setting, facts: Facts) -> Question | None:
    """The soft prompt's accuracy beside LoRA's: is the difference more than chance?"""
    return _difference(setting, facts, "behind", "soft_prompt", "lora")


def best(setting: Setting, facts: Facts) -> Question | None:
    """Three accuracies close together: which method is best?"""
    infos = [info for method in ("full", "adapter", "lora") if (info := facts.checkpoint(method))]
    if len(infos) < 3:
        return None
    ranked = sorted(infos, key=lambda info: -info.record.test.accuracy)
    comparisons = [facts.compare(ranked[0], other) for other in ranked[1:]]
    closest = next((c for c in comparisons if c.verdict == "unclear"), comparisons[0])
    right = ranked[0].method if all(c.verdict == "first" for c in comparisons) else "unclear"
    values: dict[str, object] = {info.method: _titled(info) for info in infos}
    listed = ", ".join(f"**{_titled(info)} {info.record.test.accuracy:.1%}**" for info in ranked)
    intervals = "; ".join(f"{_titled(info)} {_accuracy(info)}" for info in ranked)
    values |= {
        "listed": listed, "intervals": intervals, "n": ranked[0].record.test.n, "evidence": evidence(closest),
    }  # fmt: skip
    return worded(setting, "best", ("full", "adapter", "lora", "unclear"), right, _records(infos), values)
