"""Own texts as a run's folder keeps them: `texts.json`, with the splits in it. No torch here.

A file that can be read is within every limit: whoever reads it checks them again, the worker too.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from peft_core.errors import PeftClassroomError
from peft_core.files import write_atomic
from peft_core.reviews.checks import check_text
from peft_core.reviews.config import DataConfig, Learned, OwnTexts
from peft_core.reviews.own.classes import (
    MAX_TEXTS,
    check_contradictions,
    check_enough,
    checked,
    classes_of,
    rows_with_both,
)
from peft_core.reviews.own.splitting import SEED, SHARES, folded, hold_out
from peft_core.reviews.spreadsheet import Bounds
from peft_core.validated import Frozen, read_json, validated

FILE = "texts.json"
BOUNDS = Bounds(rows=2 * MAX_TEXTS, megabytes=20)  # of a table that somebody brings
MAX_BYTES = 25_000_000  # more than the most characters in UTF-8, with their labels
Rows = tuple[tuple[str, Literal[0, 1]], ...]


@dataclass(frozen=True, eq=False)
class Listed:
    """A split of texts that are in memory, as columns."""

    rows: Rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, column: str) -> list:
        return [row[("text", "label").index(column)] for row in self.rows]

    def select(self, indices: Sequence[int]) -> "Listed":
        return Listed(tuple(self.rows[row] for row in indices))


class StoredTexts(Frozen):
    """The texts of each split, as models read them, with their labels (0 or 1)."""

    format: Literal[1] = 1
    train: Rows
    validation: Rows
    test: Rows

    @model_validator(mode="after")
    def _within_all_limits(self) -> Self:
        rows = [*self.train, *self.validation, *self.test]
        texts, labels = [text for text, _ in rows], [label for _, label in rows]
        for text in texts:
            if check_text(text) != text:
                raise PeftClassroomError("A text in it is not as models read it.")
        check_enough(texts, labels)
        check_contradictions(texts, labels)
        parts = [{folded(text) for text, _ in part} for part in (self.train, self.validation, self.test)]
        if len(set().union(*parts)) != sum(map(len, parts)):
            raise PeftClassroomError("A text in it is in two splits at once.")
        if any({label for _, label in part} != {0, 1} for part in (self.train, self.validation, self.test)):
            raise PeftClassroomError("A split in it lacks one of the two classes.")
        return self

    @property
    def sizes(self) -> tuple[int, int, int]:
        """How many texts to train on, to validate on, and to test on."""
        return len(self.train), len(self.validation), len(self.test)

    @property
    def sha256(self) -> str:
        """Of the file."""
        return hashlib.sha256(self.content().encode()).hexdigest()

    def content(self) -> str:
        """What the file holds."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False)

    def splits(self) -> dict[str, Listed]:
        """Each split by its name."""
        return {"train": Listed(self.train), "validation": Listed(self.validation), "test": Listed(self.test)}

    def data(self, labels: tuple[str, str], words: tuple[str, str], max_length: int | None = None) -> DataConfig:
        """The configuration of a run on these texts, whose classes have these names and are answered in these words."""
        train, validation, test = self.sizes
        length = {} if max_length is None else {"max_length": max_length}
        return DataConfig(
            task="own",
            own=OwnTexts(sha256=self.sha256, labels=labels, words=words),
            train_size=train,
            validation_size=validation,
            test_size=test,
            **length,
        )


@dataclass(frozen=True)
class Brought:
    """Texts as somebody brought them, ready to be learned. `left_out`: rows without a text or without a label."""

    texts: StoredTexts
    labels: tuple[str, str]
    counts: tuple[int, int]
    left_out: int
    copies: int


def bring(texts: Sequence[str], cells: Sequence[str], labels: tuple[str, str] | None = None) -> Brought:
    """The texts and their column of labels, checked and split. The same rows are always split alike.

    Args:
        labels: the two classes, where a person has said which is which; else in alphabetical order.

    Raises:
        PeftClassroomError: if there are not two classes, too few or too many texts, too few of one class, or one text
            has both labels; the sentence says which and what to do.
    """
    rows = rows_with_both(texts, cells)
    labels = classes_of([name for _, name in rows], labels)
    cleaned, truth = checked([text for text, _ in rows], [name for _, name in rows], labels)
    check_enough(cleaned, truth, labels)
    parts = hold_out(cleaned, truth, SHARES, SEED, labels)
    train, validation, test = (tuple((cleaned[row], truth[row]) for row in part) for part in parts)
    stored = validated(lambda: StoredTexts(train=train, validation=validation, test=test))
    different = len({folded(text) for text in cleaned})
    counts = truth.count(0), truth.count(1)
    return Brought(stored, labels, counts, len(texts) - len(rows), len(cleaned) - different)


def texts_beside(checkpoint: Path, learned: Learned) -> StoredTexts | None:
    """The own texts that a checkpoint has learned, from the folder of its run, which it lies in; None: not there.

    Raises:
        PeftClassroomError: if the file is damaged, or asks for more than a run may.
    """
    return read_texts(checkpoint.resolve().parent) if learned.own else None


def check_texts(data: Learned, texts: StoredTexts | None) -> None:
    """See that the texts are there if a run learns own ones, and that they are the ones it was asked to learn.

    Raises:
        PeftClassroomError: if they are missing, others than `data` names, or nobody asked for them.
    """
    if data.own is None:
        if texts is not None:
            raise PeftClassroomError("This run learns film reviews: texts of somebody's own are not kept for it.")
        return
    if texts is None:
        raise PeftClassroomError(
            "The texts that this is about are not here: own texts lie in the folder of their run, and go with it."
        )
    sizes = (data.train_size, data.validation_size, data.test_size) if isinstance(data, DataConfig) else texts.sizes
    if texts.sha256 != data.own.sha256 or texts.sizes != sizes:
        raise PeftClassroomError(
            "The texts in the run's folder are not those that the run was asked to learn. Start a new run."
        )


def write_texts(folder: Path, texts: StoredTexts) -> None:
    """Write `texts.json` into a run's folder."""
    write_atomic(folder / FILE, texts.content())


def read_texts(folder: Path) -> StoredTexts | None:
    """The own texts in a run's folder; None if it has none.

    Raises:
        PeftClassroomError: if the file is damaged, or asks for more than a run may.
    """
    if not (folder / FILE).is_file():
        return None
    return read_json(folder / FILE, StoredTexts, "Start a new run with the texts.", MAX_BYTES)
