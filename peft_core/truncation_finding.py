"""What a measured truncation shows, in the one sentence that a careful person would write. No torch here.

Three questions, each asked of the same test reviews with the exact McNemar test: is the checkpoint better than its base
model at all; does cutting ΔW to rank 1 cost anything; is LoRA trained at r = 1 another model than ΔW cut to rank 1?
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from peft_core.configs import FullConfig, LoraConfig, method_label
from peft_core.data import balanced_subset, data_fingerprint
from peft_core.errors import PeftClassroomError
from peft_core.paired import Paired, mcnemar
from peft_core.records import CheckpointInfo, RunRecord
from peft_core.rows import stored_test
from peft_core.truncation_file import Truncation

if TYPE_CHECKING:
    from datasets import Dataset

LEVEL = 0.05  # below this p, a difference is called one
Z = 1.959964  # 95% of a normal distribution lie within ±Z


@dataclass(frozen=True)
class Difference:
    """Accuracy of one model minus that of another on the same n reviews, as shares, with its 95% interval."""

    value: float
    low: float
    high: float
    paired: Paired

    @property
    def told_apart(self) -> bool:
        return self.paired.p < LEVEL


def difference(first_right: np.ndarray, second_right: np.ndarray) -> Difference:
    """First minus second; both (n,) booleans. The interval is that of Agresti & Min 2005, for paired shares:
    Wald's, (b − c)/n ± z·√(b + c − (b − c)²/n)/n, after half a review is added to each of the four cells.
    """
    paired = mcnemar(first_right, second_right)
    n, b, c = len(first_right), paired.only_first, paired.only_second
    middle = (b - c) / (n + 2)
    half = Z * float(np.sqrt(b + c + 1 - (b - c) ** 2 / (n + 2))) / (n + 2)
    return Difference((b - c) / n, max(-1.0, middle - half), min(1.0, middle + half), paired)


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
        splits: of `peft_core.data.load_splits(record.config.data.source)`.

    Raises:
        PeftClassroomError: if the record has no predictions, or not of all of the truncation's reviews.
    """
    positive, truth = stored_test(record, splits)
    test = splits["test"]
    tested, wanted = (_numbers(test, size) for size in (record.config.data.test_size, truncation.test_size))
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


def _numbers(reviews: "Dataset", size: int | None) -> np.ndarray:
    from peft_core.rows import SHARED_SEED

    if size is None or size >= len(reviews):
        return np.arange(len(reviews))
    return np.array(balanced_subset(reviews["label"][:], size, SHARED_SEED))
