"""Which reviews a run reads, and are they still the ones here? No torch here: pages import it.

Training reviews are drawn with the run's seed; validation and test reviews with seed 0, so that runs stay comparable.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from peft_core.reviews.config import DataConfig
from peft_core.reviews.splits import balanced_subset, data_fingerprint
from peft_core.reviews.tasks import Split, in_task

if TYPE_CHECKING:
    from datasets import Dataset

SHARED_SEED = 0
SPLITS = ("train", "validation", "test")  # the order of a run's fingerprint
_FINGERPRINTS: "WeakKeyDictionary[Dataset, dict[tuple, str]]" = WeakKeyDictionary()  # as long as the reviews are there


def select(reviews: Split, size: int | None, seed: int) -> Split:
    """`size` of the reviews, half of each label, drawn with `seed`, in their order. None: all of them."""
    return reviews.select(row_numbers(reviews, size, seed))


def row_numbers(reviews: Split, size: int | None, seed: int) -> Sequence[int]:
    """Which rows `select` takes, in rising order."""
    if size is None or size >= len(reviews):
        return range(len(reviews))
    return balanced_subset(reviews["label"][:], size, seed)


def draw(
    data: DataConfig, seed: int, splits: Mapping[str, "Dataset"], names: Sequence[str] = SPLITS
) -> dict[str, Split]:
    """The reviews of a run with this seed, split by split; those of other splits than `names` are not touched.

    Args:
        splits: of `load_splits(data.source)`; the task's own labels are put in here. Of own texts their splits, which
            are drawn whole.

    Raises:
        PeftClassroomError: of own texts, if these are others.
    """
    in_split = in_task(data, splits)
    return {name: select(in_split[name], *_wanted(data, seed, name)) for name in names}


def _wanted(data: DataConfig, seed: int, name: str) -> tuple[int | None, int]:
    """How many reviews of a split a run draws, and with which seed."""
    sizes = {"train": data.train_size, "validation": data.validation_size, "test": data.test_size}
    return sizes[name], seed if name == "train" else SHARED_SEED


def drawn_fingerprints(data: DataConfig, seed: int, splits: Mapping[str, "Dataset"]) -> dict[str, str]:
    """A fingerprint for each split of the reviews that a run with this seed draws. The same draw is read once."""
    found, in_split = {}, in_task(data, splits)
    for name in SPLITS:
        reviews, (size, drawn_with) = splits[name], _wanted(data, seed, name)
        known = _FINGERPRINTS.setdefault(reviews, {})
        few = size is not None and size < len(reviews)
        key = (data.task, size, drawn_with) if few else (data.task,)  # all of them: no seed matters
        if key not in known:
            rows = select(in_split[name], size, drawn_with)
            known[key] = data_fingerprint(rows["text"][:], rows["label"][:])
        found[name] = known[key]
    return found


def rows_fingerprint(rows: Mapping[str, Split]) -> str:
    """The fingerprint that the record of a run on these reviews has."""
    return run_fingerprint([data_fingerprint(part["text"][:], part["label"][:]) for part in rows.values()])


def run_fingerprint(fingerprints: Sequence[str]) -> str:
    """One fingerprint of the training, validation and test rows of a run, in this order."""
    return data_fingerprint(fingerprints, range(len(fingerprints)))
