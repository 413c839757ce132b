"""Many reviews at once: a pasted list or a CSV file in, a CSV file out. No torch here.

Files come from spreadsheets: with a byte order mark or without, separated by commas, semicolons or tabs, with names in
the first row or without. What cannot be read is refused with a sentence; nothing is guessed about the text itself.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from peft_core.errors import PeftClassroomError

MAX_REVIEWS = 1_000
MAX_CHARACTERS = 20_000  # of one review
MAX_ROWS = 2 * MAX_REVIEWS  # of a file, with rows that have no text
MAX_COLUMNS = 100
DELIMITERS = "\t;|,"  # the rarer ones in prose first
NO_DELIMITER = "\x1f"
LABELS = {"positive": 1, "pos": 1, "1": 1, "1.0": 1, "negative": 0, "neg": 0, "0": 0, "0.0": 0}
TEXT_NAMES = ("text", "review", "reviews", "comment", "comments", "sentence", "content", "body", "message")
LABEL_NAMES = ("label", "labels", "sentiment", "class", "target")
OTHER_NAMES = ("id", "title", "name", "date", "rating", "stars", "film", "movie", "author", "source", "split")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class Reviews:
    """What is to be classified. `rows` are line or row numbers of the source, from 1; `skipped` rows had no text.

    `labels` has 1, 0 or None (no label given) for every text, or is None when there is no column of labels.
    """

    texts: tuple[str, ...]
    rows: tuple[int, ...]
    labels: tuple[int | None, ...] | None = None
    skipped: int = 0
    delimiter: str = ","


@dataclass(frozen=True)
class Table:
    """The cells of a CSV file, all rows equally long. An empty line is a row of empty cells: row numbers stay true."""

    cells: tuple[tuple[str, ...], ...]
    delimiter: str

    @property
    def width(self) -> int:
        return len(self.cells[0])

    @property
    def first_row_has_names(self) -> bool:
        """Whether the first row holds a name that columns often have."""
        known = {*TEXT_NAMES, *LABEL_NAMES, *OTHER_NAMES}
        return any(cell.strip().lower() in known for cell in self.cells[0])

    def body(self, has_names: bool) -> tuple[tuple[str, ...], ...]:
        return self.cells[has_names:]

    def text_column(self, has_names: bool) -> int:
        """The column named as texts are; else the first in which most cells have several words; else the first."""
        named = self._named(TEXT_NAMES) if has_names else None
        if named is not None:
            return named
        rows = self.body(has_names)
        for column in range(self.width):
            if 2 * sum(" " in row[column].strip() for row in rows) > len(rows):
                return column
        return 0

    def label_column(self, has_names: bool, text_column: int) -> int | None:
        """A column other than the text's with nothing but labels in it, one that is named so first; None without."""
        columns = [c for c in range(self.width) if c != text_column]
        named = self._named(LABEL_NAMES) if has_names else None
        for column in sorted(columns, key=lambda c: c != named):
            given = [row[column].strip().lower() for row in self.body(has_names) if row[column].strip()]
            if given and all(cell in LABELS for cell in given):
                return column
        return None

    def _named(self, names: Sequence[str]) -> int | None:
        return next((c for c, cell in enumerate(self.cells[0]) if cell.strip().lower() in names), None)


def read_list(pasted: str) -> Reviews:
    """One review a line; lines without text are skipped and counted.

    Raises:
        PeftClassroomError: if there is no review, there are too many, or one is too long.
    """
    return _reviews(enumerate(re.split(r"\r\n|\r|\n", pasted.rstrip()), start=1))


def read_table(data: bytes) -> Table:
    """The cells of a CSV file in UTF-8. The delimiter is the one that gives every row equally many cells.

    Raises:
        PeftClassroomError: if the file is empty, not UTF-8, has far too many rows, or its rows cannot be told apart.
    """
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PeftClassroomError(
            f"This file is not text in UTF-8 (byte {error.start + 1:,} is not). In Excel choose "
            '"Save as" and "CSV UTF-8"; in LibreOffice the character set "Unicode (UTF-8)".'
        ) from error
    stated = re.match(rf"sep=([{DELIMITERS}:])\r?\n", content)  # Excel's own way to name the delimiter
    if stated:
        content = content[stated.end() :]
    content = content.strip("\r\n")
    if not content.strip():
        raise PeftClassroomError("This file is empty: it needs at least one review.")
    read = {delimiter: _parse(content, delimiter) for delimiter in ([stated[1]] if stated else DELIMITERS)}
    several = {delimiter: rows for delimiter, rows in read.items() if rows and len(rows[0]) > 1}
    for delimiter, rows in several.items():
        if len({len(row) for row in rows if row}) == 1:
            return _table(rows, delimiter)
    for delimiter, rows in several.items():  # no delimiter fits every row: does the first row know better?
        if Table((rows[0],), delimiter).first_row_has_names:
            return _table(rows, delimiter)
    alone = _parse(content, NO_DELIMITER)
    if alone is None:
        raise PeftClassroomError(
            "The quotation marks in this file do not close. Put each text between quotation marks and write one "
            "inside a text twice, as spreadsheets do, or paste the reviews as a list."
        )
    return _table(alone, ",")


def _parse(content: str, delimiter: str) -> list[tuple[str, ...]] | None:
    """The rows, one more than allowed at most; None if the quotation marks make no sense with this delimiter."""
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    try:
        return [tuple(row) for row in islice(reader, MAX_ROWS + 1)]
    except csv.Error:
        return None


def _table(rows: list[tuple[str, ...]], delimiter: str) -> Table:
    width = len(rows[0])
    if len(rows) > MAX_ROWS:
        raise PeftClassroomError(
            f"This file has more than {MAX_ROWS:,} rows; at most {MAX_REVIEWS:,} reviews are possible at a time."
        )
    if width > MAX_COLUMNS:
        raise PeftClassroomError(f"This file has {width:,} columns; at most {MAX_COLUMNS} are possible.")
    for number, row in enumerate(rows, start=1):
        if len(row) > width:
            raise PeftClassroomError(
                f"Row {number:,} of this file has {len(row):,} cells, but its first row names {width}. Put texts that "
                f"contain {'a tab' if delimiter == chr(9) else repr(delimiter)} between quotation marks."
            )
    return Table(tuple(row + ("",) * (width - len(row)) for row in rows), delimiter)


def reviews_of(table: Table, has_names: bool, text_column: int, label_column: int | None = None) -> Reviews:
    """The reviews of a table, with their labels where a column of labels is chosen.

    Raises:
        PeftClassroomError: if there is no review, there are too many, one is too long, or a label is none.
    """
    first = 1 + has_names
    rows = table.body(has_names)
    found = _reviews(((number, row[text_column]) for number, row in enumerate(rows, first)), table.delimiter)
    if label_column is None:
        return found
    labels = tuple(_label(rows[number - first][label_column], number) for number in found.rows)
    return Reviews(found.texts, found.rows, labels, found.skipped, found.delimiter)


def _label(cell: str, row: int) -> int | None:
    word = cell.strip().lower()
    if word and word not in LABELS:
        raise PeftClassroomError(
            f"The label in row {row:,} is neither positive (or 1) nor negative (or 0), nor empty. Correct it, or "
            "choose another column of labels, or none."
        )
    return LABELS.get(word)


def _reviews(numbered: Iterable[tuple[int, str]], delimiter: str = ",") -> Reviews:
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
    if len(texts) > MAX_REVIEWS:
        raise PeftClassroomError(f"These are {len(texts):,} reviews; at most {MAX_REVIEWS:,} are possible at a time.")
    return Reviews(tuple(texts), tuple(rows), None, skipped, delimiter)


def write_csv(header: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str = ",") -> bytes:
    """A CSV file that spreadsheets open: UTF-8 with a byte order mark, texts safe from being taken for formulas."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\r\n")
    writer.writerows([[safe_cell(cell) for cell in row] for row in (header, *rows)])
    return file.getvalue().encode("utf-8-sig")


def safe_cell(cell: object) -> object:
    """A text that a spreadsheet would run as a formula gets an apostrophe in front; numbers stay as they are."""
    if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULA_STARTS):
        return f"'{cell}"
    return cell
