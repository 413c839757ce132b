"""Which reviews a run reads, and are they still the ones here? No torch here: pages import it.

Training reviews are drawn with the run's seed; validation and test reviews with seed 0, so that runs stay comparable.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from peft_core.configs import DataConfig
from peft_core.data import balanced_subset, data_fingerprint
from peft_core.errors import PeftClassroomError
from peft_core.records import RunRecord

if TYPE_CHECKING:
    from datasets import Dataset

SHARED_SEED = 0
SPLITS = ("train", "validation", "test")  # the order of a run's fingerprint


def select(reviews: "Dataset", size: int | None, seed: int) -> "Dataset":
    """`size` of the reviews, half of each label, drawn with `seed`, in their order. None: all of them."""
    return reviews.select(row_numbers(reviews, size, seed))


def row_numbers(reviews: "Dataset", size: int | None, seed: int) -> Sequence[int]:
    """Which rows `select` takes, in rising order."""
    if size is None or size >= len(reviews):
        return range(len(reviews))
    return balanced_subset(reviews["label"][:], size, seed)


def draw(
    data: DataConfig, seed: int, splits: Mapping[str, "Dataset"], names: Sequence[str] = SPLITS
) -> dict[str, "Dataset"]:
    """The reviews of a run with this seed, split by split; those of other splits than `names` are not touched."""
    wanted = {
        "train": (data.train_size, seed),
        "validation": (data.validation_size, SHARED_SEED),
        "test": (data.test_size, SHARED_SEED),
    }
    return {name: select(splits[name], *wanted[name]) for name in names}


def rows_fingerprint(rows: Mapping[str, "Dataset"]) -> str:
    """The fingerprint that the record of a run on these reviews has."""
    return run_fingerprint([data_fingerprint(part["text"][:], part["label"][:]) for part in rows.values()])


def run_fingerprint(fingerprints: Sequence[str]) -> str:
    """One fingerprint of the training, validation and test rows of a run, in this order."""
    return data_fingerprint(fingerprints, range(len(fingerprints)))


def stored_test(record: RunRecord, splits: Mapping[str, "Dataset"]) -> tuple[np.ndarray, np.ndarray]:
    """The stored probabilities of "positive" and the true labels (0 or 1) of the test rows, both of shape (n,).

    Args:
        splits: of `peft_core.data.load_splits(record.config.data.source)`.

    Raises:
        PeftClassroomError: if the record has no probabilities, was made with other reviews, or if the probabilities
            do not give the accuracy it states.
    """
    if record.test_probabilities is None:
        raise PeftClassroomError(
            "This checkpoint's record has no test predictions. `python -m peft_core evaluate CHECKPOINT --store` "
            "measures the test split again and adds them."
        )
    rows = draw(record.config.data, record.config.train.seed, splits)
    if rows_fingerprint(rows) != record.data_fingerprint:
        raise PeftClassroomError(
            "This checkpoint was trained and tested on other reviews than those installed here, so its predictions "
            "cannot be compared with their labels. Install the pinned requirements, or train again."
        )
    positive, truth = np.array(record.test_probabilities), np.array(rows["test"]["label"][:])
    if ((positive > 0.5) == truth).mean() != record.test.accuracy:
        raise PeftClassroomError(
            "The stored test predictions do not give the accuracy in the same record. Restore run.json, or measure "
            "again with `python -m peft_core evaluate CHECKPOINT --store`."
        )
    return positive, truth
