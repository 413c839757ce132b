"""Which reviews a run reads, and are they still the ones here? No torch here: pages import it.

Training reviews are drawn with the run's seed; validation and test reviews with seed 0, so that runs stay comparable.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from peft_core.reviews.config import DataConfig
from peft_core.reviews.splits import balanced_subset, data_fingerprint

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
