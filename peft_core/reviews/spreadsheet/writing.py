"""A CSV file out, in which no text is a formula."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from functools import cache

STARTS = "=+\\-@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}"
# In front of a formula it is one all the same: blanks, quotation marks, and what Unicode calls controls and formats.
UNSEEN = (
    r"\s\"\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064"
    r"\u2066-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
FORMULA = re.compile(f"[{UNSEEN}]*[{STARTS}]|[\\t\\r\\n]")
NEW_LINES = "\\r\\n\\x0b\\x0c\\x1c-\\x1e\\x85\\u2028\\u2029"
DIVIDERS = ",;\t"  # of cells, in one country or another


def write_csv(header: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str = ",") -> bytes:
    """A CSV file that spreadsheets open: UTF-8 with a byte order mark, texts safe from being taken for formulas."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\r\n")
    writer.writerows([[safe_cell(cell, delimiter) for cell in row] for row in (header, *rows)])
    return file.getvalue().encode("utf-8-sig")


def safe_cell(cell: object, delimiter: str = ",") -> object:
    """A text that a spreadsheet would run as a formula gets an apostrophe in front; numbers stay as they are.

    So does what follows a sign, or a new line, at which a spreadsheet of another country begins a cell: for it the
    quotation marks around the whole text stand in the midst of a cell, and enclose nothing.
    """
    if not isinstance(cell, str):
        return cell
    inside = _inside(delimiter).sub(r"\1'", cell)
    return f"'{inside}" if FORMULA.match(cell) else inside


@cache
def _inside(delimiter: str) -> re.Pattern:
    others = "".join(set(DIVIDERS) - {delimiter})
    return re.compile(f"([{others}{NEW_LINES}][{UNSEEN}]*)(?=[{STARTS}])")
