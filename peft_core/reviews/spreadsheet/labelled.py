"""Texts with their labels: from a pasted list, or from two columns of a table and what a person says of them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from peft_core.errors import PeftClassroomError

if TYPE_CHECKING:
    from peft_core.reviews.spreadsheet.table import Table

MAX_REVIEWS = 1_000
MAX_CHARACTERS = 20_000  # of one review
# What needs no person: these words say which label they are.
LABELS = {"positive": 1, "pos": 1, "1": 1, "1.0": 1, "negative": 0, "neg": 0, "0": 0, "0.0": 0}


@dataclass(frozen=True)
class Reviews:
    """What is to be classified. `rows` are line or row numbers of the source, from 1; `skipped` rows had no text.

    `labels` has 1, 0 or None (no label, or one that is left out) for every text, or is None without a column of labels.
    """

    texts: tuple[str, ...]
    rows: tuple[int, ...]
    labels: tuple[int | None, ...] | None = None
    skipped: int = 0
    delimiter: str = ","  # with which the answers are written


def read_list(pasted: str) -> Reviews:
    """One review a line; lines without text are skipped and counted.

    Raises:
        PeftClassroomError: if there is no review, there are too many, or one is too long.
    """
    return _reviews(enumerate(re.split(r"\r\n|\r|\n", pasted.rstrip()), start=1), MAX_REVIEWS)


def plain_meaning(values: Iterable[str]) -> dict[str, int]:
    """What values mean if every one of them is plain (positive, pos, 1, negative, neg, 0); else nothing."""
    meaning = {value: LABELS.get(value.strip().casefold()) for value in values}
    return {} if None in meaning.values() else meaning


def labelled(
    table: "Table",
    has_names: bool,
    text_column: int,
    label_column: int | None = None,
    meaning: Mapping[str, int | None] | None = None,
    most: int = MAX_REVIEWS,
) -> Reviews:
    """The reviews of a table, with their labels where a column of labels is chosen.

    `meaning` says of every value of that column whether it is 1 or 0, or None: its rows keep their text and have no
    label. Upper and lower case are one. Without it, only plain values are read.

    Raises:
        PeftClassroomError: if there is no review, there are too many, one is too long, or `meaning` says nothing of a
            label.
    """
    first = 1 + has_names
    rows = table.body(has_names)
    found = _reviews(((number, row[text_column]) for number, row in enumerate(rows, first)), most)
    if table.width > 1:
        found = replace(found, delimiter=table.delimiter)
    if label_column is None:
        return found
    told = {value.strip().casefold(): label for value, label in (LABELS if meaning is None else meaning).items()}
    labels = tuple(_label(rows[number - first][label_column], number, told) for number in found.rows)
    return replace(found, labels=labels)


def _label(cell: str, row: int, told: Mapping[str, int | None]) -> int | None:
    word = cell.strip().casefold()
    if word and word not in told:
        raise PeftClassroomError(
            f"The label in row {row:,} is {cell.strip()[:40]!r}, and nobody has said what that means. Say which values "
            "are positive and which negative, or choose another column of labels, or none."
        )
    return told.get(word)


def _reviews(numbered: Iterable[tuple[int, str]], most: int) -> Reviews:
    texts, rows, skipped = [], [], 0
    for number, text in numbered:
        stripped = text.strip()
        if not any(c.isprintable() and not c.isspace() for c in stripped):
            skipped += 1
            continue
        if len(stripped) > MAX_CHARACTERS:
            raise PeftClassroomError(
                f"The review in row {number:,} has {len(stripped):,} characters; at most {MAX_CHARACTERS:,} are "
                "possible. Shorten it, or put each review on a line of its own."
            )
        texts.append(stripped)
        rows.append(number)
    if not texts:
        raise PeftClassroomError("There is no review in it: give at least one line with words.")
    if len(texts) > most:
        raise PeftClassroomError(f"These are {len(texts):,} reviews; at most {most:,} are possible at a time.")
    return Reviews(tuple(texts), tuple(rows), skipped=skipped)
