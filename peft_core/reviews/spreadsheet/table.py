"""The cells of a CSV file, and what its columns probably are: suggestions that a person sees and can change."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from peft_core.errors import PeftClassroomError
from peft_core.reviews.spreadsheet.encodings import decode
from peft_core.reviews.spreadsheet.labelled import LABELS, MAX_REVIEWS

MAX_COLUMNS = 100
MAX_CELL = 131_072  # characters, before they are looked at as a review; csv's own limit
MAX_VALUES = 20  # different labels a person is asked about
DELIMITERS = "\t;|,"  # the rarer ones in prose first
TEXT_NAMES = ("text", "review", "reviews", "comment", "comments", "sentence", "content", "body", "message")
LABEL_NAMES = ("label", "labels", "sentiment", "class", "target")
OTHER_NAMES = ("id", "title", "name", "date", "rating", "stars", "film", "movie", "author", "source", "split")
ONE_COLUMN = "\x1f"  # a delimiter that no text has


@dataclass(frozen=True)
class Bounds:
    """How much one file may hold: rows, those without a text included, and megabytes."""

    rows: int
    megabytes: int


MANY = Bounds(rows=2 * MAX_REVIEWS, megabytes=3)


@dataclass(frozen=True)
class Table:
    """The cells of a CSV file, all rows equally long. An empty line is a row of empty cells: row numbers stay true.

    `delimiter` (one of DELIMITERS, or ONE_COLUMN), `encoding` (a key of ENCODINGS) and `quoted` say how it was read.
    """

    cells: tuple[tuple[str, ...], ...]
    delimiter: str
    encoding: str = "utf-8"
    quoted: bool = True

    @property
    def width(self) -> int:
        return len(self.cells[0])

    @property
    def first_row_has_names(self) -> bool:
        """Whether the first row seems to name the columns, in any language.

        It does if it has a name that columns often have; if it has words where all below are numbers; or if a column
        holds a few values, each several times, and not this one.
        """
        known = {*TEXT_NAMES, *LABEL_NAMES, *OTHER_NAMES}
        if any(cell.strip().lower() in known for cell in self.cells[0]):
            return True
        for column, cell in enumerate(self.cells[0]):
            found = self.values_of(column, has_names=True)
            if not cell.strip() or not found:
                continue
            if all(map(_is_number, found)) and not _is_number(cell):
                return True
            few = 2 <= len(found) <= MAX_VALUES and min(found.values()) > 1
            if few and cell.strip().casefold() not in {value.casefold() for value in found}:
                return True
        return False

    def body(self, has_names: bool) -> tuple[tuple[str, ...], ...]:
        return self.cells[has_names:]

    def columns(self, has_names: bool) -> tuple[str, ...]:
        """What each column is called: its name if the first row has names, else nothing."""
        return tuple(cell.strip() for cell in self.cells[0]) if has_names else ("",) * self.width

    def values_of(self, column: int, has_names: bool) -> dict[str, int]:
        """The different values of a column and how often each occurs, in order; empty cells apart.

        Upper and lower case are one value, spelled as it occurs first. Numbers are in numerical order.
        """
        first, counted = {}, Counter()
        for row in self.body(has_names):
            if cell := row[column].strip():
                first.setdefault(cell.casefold(), cell)
                counted[cell.casefold()] += 1
        numbers = all(map(_is_number, counted))
        order = sorted(counted, key=lambda value: (float(value.replace(",", ".")), value) if numbers else value)
        return {first[value]: counted[value] for value in order}

    def text_column(self, has_names: bool) -> int:
        """A suggestion: the column named as texts are; else the one with the longest cells."""
        named = self._named(TEXT_NAMES) if has_names else None
        if named is not None:
            return named
        return max(range(self.width), key=lambda c: sum(len(row[c]) for row in self.body(has_names)))

    def label_column(self, has_names: bool, text_column: int) -> int | None:
        """A suggestion: a column of labels, plain ones first, else of a few values that occur again; None without."""
        columns = [c for c in range(self.width) if c != text_column]
        named = self._named(LABEL_NAMES) if has_names else None
        columns.sort(key=lambda c: c != named)
        values = {c: self.values_of(c, has_names) for c in columns}
        for column in columns:
            if values[column] and all(value.casefold() in LABELS for value in values[column]):
                return column
        for column in columns:
            if 2 <= len(values[column]) <= MAX_VALUES and sum(values[column].values()) >= 2 * len(values[column]):
                return column
        return None

    def _named(self, names: Sequence[str]) -> int | None:
        return next((c for c, cell in enumerate(self.cells[0]) if cell.strip().lower() in names), None)


def read_table(
    data: bytes,
    bounds: Bounds = MANY,
    encoding: str | None = None,
    delimiter: str | None = None,
    quoted: bool | None = None,
) -> Table:
    """The cells of a CSV file. What is None is told from the file; `quoted`: quotation marks enclose cells.

    The delimiter is the one that gives every row equally many cells, or four rows of five as many as the first and no
    row more; else, if its first row has a known name, the one that separates names; else the file has one column.

    Raises:
        PeftClassroomError: if the file is empty, no text, too large, or its rows cannot be told apart.
    """
    if len(data) > bounds.megabytes * 1_000_000:
        raise PeftClassroomError(
            f"This file has {len(data) / 1e6:.1f} MB; at most {bounds.megabytes} MB are possible. Leave rows out."
        )
    content, encoding = decode(data, encoding)
    stated = re.match(rf"sep=([{DELIMITERS}:])\r?\n", content)  # Excel's own way to name the delimiter
    if stated:
        content = content[stated.end() :]
        delimiter = delimiter or stated[1]
    content = content.strip("\r\n")
    if not content.strip():
        raise PeftClassroomError("This file is empty: it needs at least one review.")
    rows, used, marks = _rows(content, bounds.rows, delimiter, quoted)
    return _table(rows, used, bounds.rows, encoding, marks)


def _rows(
    content: str, most: int, delimiter: str | None, quoted: bool | None
) -> tuple[list[tuple[str, ...]], str, bool]:
    """The rows, their delimiter, and whether quotation marks enclose cells."""
    styles = [True, False] if quoted is None else [quoted]
    tried = [
        (rows, mark, style)
        for style in styles
        for mark in (delimiter or DELIMITERS)
        if (rows := _parse(content, mark, style, most))
    ]
    # Without quotation marks only where with them nothing comes out: a mark that opens a cell and is never closed.
    with_them = {mark for _, mark, style in tried if style}
    tried = [one for one in tried if one[2] or one[1] not in with_them]
    if delimiter is not None and tried:
        return tried[0]
    several = [one for one in tried if len(one[0][0]) > 1]
    for fits in (_equally_long, _mostly_full, _named):
        for one in several:
            if fits(one[0]):
                return one
    for style in styles:
        if alone := _parse(content, ONE_COLUMN, style, most):
            return alone, ONE_COLUMN, style
    if quoted:
        raise PeftClassroomError(
            "The quotation marks in this file do not close. Put each text between quotation marks and write one "
            "inside a text twice, as spreadsheets do, or say that quotation marks enclose nothing."
        )
    raise PeftClassroomError(f"A cell of this file has more than {MAX_CELL:,} characters.")


def _equally_long(rows: list[tuple[str, ...]]) -> bool:
    return len({len(row) for row in rows if row}) == 1


def _mostly_full(rows: list[tuple[str, ...]]) -> bool:
    lengths = [len(row) for row in rows if row]
    return max(lengths) == lengths[0] and 5 * lengths.count(lengths[0]) >= 4 * len(lengths)


def _named(rows: list[tuple[str, ...]]) -> bool:
    known = {*TEXT_NAMES, *LABEL_NAMES, *OTHER_NAMES}
    return any(cell.strip().lower() in known for cell in rows[0])


def _parse(content: str, delimiter: str, quoted: bool, most: int) -> list[tuple[str, ...]] | None:
    """The rows, one more than allowed at most; None if the quotation marks make no sense with this delimiter."""
    marks = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True, quoting=marks)
    try:
        return [tuple(row) for row in islice(reader, most + 1)]
    except csv.Error:
        return None


def _table(rows: list[tuple[str, ...]], delimiter: str, most: int, encoding: str, quoted: bool) -> Table:
    width = len(rows[0])
    if len(rows) > most:
        raise PeftClassroomError(f"This file has more than {most:,} rows. Leave some out.")
    if width > MAX_COLUMNS:
        raise PeftClassroomError(f"This file has {width:,} columns; at most {MAX_COLUMNS} are possible.")
    for number, row in enumerate(rows, start=1):
        if len(row) > width:
            raise PeftClassroomError(
                f"Row {number:,} of this file has {len(row):,} cells, but its first row names {width}. Put texts that "
                f"contain {'a tab' if delimiter == chr(9) else repr(delimiter)} between quotation marks."
            )
    return Table(tuple(row + ("",) * (width - len(row)) for row in rows), delimiter, encoding, quoted)


def looks_like_table(pasted: str) -> bool:
    """Whether a pasted list is rather a table: it has names in its first row, or a column of a few values.

    Every line has as many cells, by tabs, semicolons, bars or commas, and so it is for at least three lines.
    """
    lines = [line for line in re.split(r"\r\n|\r|\n", pasted.strip()) if line.strip()][:200]
    if len(lines) < 3:
        return False
    for mark in DELIMITERS:
        for style in (True, False):
            rows = _parse("\n".join(lines), mark, style, len(lines))
            if rows and len(rows[0]) > 1 and _equally_long(rows):
                table = Table(tuple(rows), mark)
                names = table.first_row_has_names
                return names or table.label_column(False, table.text_column(False)) is not None
    return False


def _is_number(value: str) -> bool:
    return re.fullmatch(r"[+-]?\d+([.,]\d+)?", value.strip()) is not None
