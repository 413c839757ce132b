"""What a measured truncation shows, in the one sentence that a careful person would write. No torch here.

Three questions, each asked of the same test reviews with the exact McNemar test: is the checkpoint better than its base
model at all; does cutting ΔW to rank 1 cost anything; is LoRA trained at r = 1 another model than ΔW cut to rank 1?
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from peft_core.analysis.spectra.truncation_file import Truncation
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.checkpoints.record import RunRecord
from peft_core.checkpoints.stored_answers import stored_test
from peft_core.errors import PeftClassroomError
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import method_label
from peft_core.reviews.draws import SHARED_SEED, row_numbers
from peft_core.reviews.splits import data_fingerprint, load_splits
from peft_core.reviews.tasks import in_task
from peft_core.statistics.formats import p_text, points
from peft_core.statistics.paired_test import PairedTest, agresti_min_interval, paired_test

if TYPE_CHECKING:
    from datasets import Dataset


def difference(first_right: np.ndarray, second_right: np.ndarray) -> PairedTest:
    """First minus second; both (n,) booleans."""
    return paired_test(first_right, second_right, agresti_min_interval)


@dataclass(frozen=True)
class Trained:
    """LoRA trained with r = 1: its record, and which of the truncation's reviews it has right (n,)."""

    record: RunRecord
    right: np.ndarray


def rank_one_beside(record: RunRecord, known: Sequence[CheckpointInfo]) -> CheckpointInfo | None:
    """The LoRA r = 1 checkpoint to compare with: same base model, same reviews, and where `record` is LoRA the same
    layers. Of several, one with the same seed, else the lowest; shipped before own.
    """
    method = record.config.method

    def fits(other: RunRecord) -> bool:
        lora = other.config.method
        return (
            isinstance(lora, LoraConfig)
            and lora.r == 1
            and other.base_fingerprint == record.base_fingerprint
            and other.config.data == record.config.data
            and (not isinstance(method, LoraConfig) or lora.target_modules == method.target_modules)
        )

    seed = record.config.train.seed

    def preference(info: CheckpointInfo) -> tuple[bool, int, bool]:
        its = info.record.config.train.seed
        return its != seed, its, not info.shipped

    return min((info for info in known if fits(info.record)), key=preference, default=None)


def trained_answers(record: RunRecord, truncation: Truncation, splits: Mapping[str, "Dataset"]) -> Trained:
    """Which of the truncation's reviews another checkpoint has right, from the predictions in its record.

    Args:
        splits: of `peft_core.reviews.splits.load_splits(record.config.data.source)`.

    Raises:
        PeftClassroomError: if the record has no predictions, or not of all of the truncation's reviews.
    """
    positive, truth = stored_test(record, splits)
    test = in_task(record.config.data, splits)["test"]
    sizes = record.config.data.test_size, truncation.test_size
    tested, wanted = (np.array(row_numbers(test, size, SHARED_SEED)) for size in sizes)
    chosen = test.select(wanted)
    if data_fingerprint(chosen["text"][:], chosen["label"][:]) != truncation.data_fingerprint:
        raise PeftClassroomError(
            "The truncation was measured on other reviews than those installed here. Measure it again with "
            "`python -m peft_core truncate CHECKPOINT --evaluate --store`."
        )
    if not np.isin(wanted, tested).all():
        raise PeftClassroomError(
            f"{record.name} was not tested on all reviews of the truncation. Measure the truncation on fewer of them: "
            "`python -m peft_core truncate CHECKPOINT --evaluate --limit N`."
        )
    right = (positive > 0.5) == (truth == 1)
    return Trained(record, right[np.searchsorted(tested, wanted)])


@dataclass(frozen=True)
class Finding:
    """What a truncation shows. Each difference is None where something it needs was not measured.

    `learnt` the checkpoint minus its base model, `cut` ΔW of rank 1 minus the checkpoint, `trained` LoRA trained at
    r = 1 minus ΔW of rank 1; `sentence` says it all, what is missing included.
    """

    learnt: PairedTest
    cut: PairedTest | None
    trained: PairedTest | None
    sentence: str


def find(
    info: CheckpointInfo,
    truncation: Truncation,
    known: Sequence[CheckpointInfo],
    splits: Mapping[str, "Dataset"] | None = None,
) -> Finding:
    """`finding` with the LoRA r = 1 checkpoint that is among `known`, or what keeps it from being compared.

    Args:
        splits: of `load_splits(info.record.config.data.source)`, if they are at hand.
    """
    other = rank_one_beside(info.record, [each for each in known if each.path != info.path])
    if other is None:
        return finding(info.record, truncation, "no such checkpoint on this base model and these reviews exists")
    try:
        splits = splits if splits is not None else load_splits(other.record.config.data.source)
        trained = trained_answers(other.record, truncation, splits)
    except PeftClassroomError as error:
        return finding(info.record, truncation, f"{other.name}: {error}".rstrip("."))
    return finding(info.record, truncation, trained)


def finding(record: RunRecord, truncation: Truncation, trained: Trained | str) -> Finding:
    """The differences and their sentence.

    Args:
        trained: LoRA trained at r = 1, or why there is none to compare with.
    """
    uncut, one = truncation.untruncated, truncation.at(1)
    learnt = difference(uncut.is_right, truncation.base.is_right)
    cut = difference(one.is_right, uncut.is_right) if one and truncation.max_rank > 1 else None
    beside = difference(trained.right, one.is_right) if cut and isinstance(trained, Trained) else None
    opening = (
        f"On the same {truncation.n:,} test reviews, {_who(record)} is right on {_share(uncut.accuracy.accuracy)}, "
        f"its base model on {_share(truncation.base.accuracy.accuracy)}"
    )
    if not learnt.told_apart:
        opening += f" (not told apart, {p_text(learnt.p)}: this says nothing of the rank that learning needs)"
    parts = [opening]
    if truncation.max_rank == 1:
        parts.append("its ΔW has rank 1 already, so there is nothing to cut")
    elif cut is None or one is None:
        parts.append("cut to rank 1 it was not measured")
    else:
        parts.append(
            f"with every ΔW cut to rank 1, which keeps {one.energy:.0%} of the squared norm, it is right on "
            f"{_share(one.accuracy.accuracy)}, {_comparison(cut)}"
        )
    if isinstance(record.config.method, FullConfig):
        rest, zero = "embeddings, norms and position biases stay as trained", truncation.at(0)
        alone = f"and with rank 0 they alone give {_share(zero.accuracy.accuracy)}" if zero else "rank 0 not measured"
        parts.append(f"{rest}, {alone}")
    if beside and isinstance(trained, Trained):
        steps = f", {trained.record.steps} steps beside {record.steps}" if trained.record.steps != record.steps else ""
        parts.append(
            f"{_who(trained.record, steps)} is right on {_share(float(trained.right.mean()))}, "
            f"against rank 1 by cutting {_comparison(beside)}"
        )
    elif cut and isinstance(trained, str):
        parts.append(f"LoRA trained with r=1 is missing beside it ({trained})")
    parts.append("other seeds may give another picture")
    return Finding(learnt, cut, beside, "; ".join(parts) + ".")


def _who(record: RunRecord, more: str = "") -> str:
    method = record.config.method
    label = "full fine-tuning" if isinstance(method, FullConfig) else method_label(method)  # within a sentence
    return f"{label} (seed {record.config.train.seed}{more})"


def _comparison(test: PairedTest) -> str:
    interval = f"95% interval {points(test.low)} to {points(test.high)}, exact McNemar {p_text(test.p)}"
    if test.told_apart:
        what = "loss" if test.difference < 0 else "gain"
        return f"a {what} of {points(abs(test.difference), sign=False)} points ({interval})"
    return f"a difference of {points(test.difference)} points that cannot be told from none ({interval})"


def _share(value: float) -> str:
    return f"{value:.1%}"
