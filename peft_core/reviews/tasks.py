"""A task: texts in splits, what their two classes are called, and the two words that T5 answers with. No torch here.

reviews   the film reviews, "negative" and "positive"
lie       the same reviews with the labels swapped in every split: what the base model knows is wrong here
own       texts that somebody brought along, in a folder of their own: `own/`
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from peft_core.errors import PeftClassroomError
from peft_core.reviews.config import DataConfig, Learned
from peft_core.reviews.own.stored import Listed, StoredTexts, check_texts
from peft_core.reviews.splits import load_splits

NEGATIVE, POSITIVE = 0, 1


class Split(Protocol):
    """Texts and labels, as columns: a `datasets.Dataset`, or what reads like one."""

    def __len__(self) -> int: ...
    def __getitem__(self, column: str) -> Sequence: ...
    def select(self, indices: Sequence[int]) -> "Split": ...


@dataclass(frozen=True)
class Task:
    """What a run learns, as data. `labels` are shown, `words` are what T5 answers; the place in both is the label."""

    key: str
    labels: tuple[str, str]
    words: tuple[str, str]
    splits: Mapping[str, Split]


@dataclass(frozen=True, eq=False)
class Swapped:
    """A split with every label turned round: 0 is 1, and 1 is 0."""

    split: Split

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, column: str) -> Sequence:
        values = self.split[column]
        return [POSITIVE - label for label in values[:]] if column == "label" else values

    def select(self, indices: Sequence[int]) -> "Swapped":
        return Swapped(self.split.select(indices))


def task_of(data: DataConfig, reviews: Mapping[str, Split] | None = None, texts: StoredTexts | None = None) -> Task:
    """The task of a run, with its texts.

    Args:
        reviews: of `load_splits(data.source)`, if they are at hand.
        texts: of the task own: those that the run's folder holds.

    Raises:
        PeftClassroomError: if own texts are not given, or are others than `data` names.
    """
    if data.own is not None:
        check_texts(data, texts)
        splits: Mapping[str, Split] = texts.splits()
    else:
        splits = in_task(data, load_splits(data.source) if reviews is None else reviews)
    return Task(data.task_key, data.labels, data.words, splits)


def in_task(data: Learned, reviews: Mapping[str, Split]) -> Mapping[str, Split]:
    """The film reviews as the task has them; of the task own the splits of `StoredTexts`, as they are.

    Raises:
        PeftClassroomError: of own texts, if these are others: no reviews stand in for them.
    """
    if data.task == "own":
        if reviews and all(isinstance(split, Listed) for split in reviews.values()):
            return reviews
        raise PeftClassroomError(
            "This is about texts of somebody's own, which lie in the folder of their run and nowhere else."
        )
    return {name: Swapped(split) for name, split in reviews.items()} if data.task == "lie" else reviews


TITLES = {"reviews": "film reviews", "lie": "film reviews with swapped labels", "own": "texts of one's own"}


def check_one_task(learned: Sequence[Learned], names: Sequence[str]) -> None:
    """See that checkpoints which are put side by side have learned the same.

    Raises:
        PeftClassroomError: if two of them have not; it names both.
    """
    for one, name in zip(learned, names, strict=True):
        if one.task_key != learned[0].task_key:
            raise PeftClassroomError(
                f"{names[0]} and {name} have learned different tasks ({TITLES[learned[0].task]}, {TITLES[one.task]}), "
                "so nothing sensible can be said of the two together. Choose checkpoints of one task."
            )
