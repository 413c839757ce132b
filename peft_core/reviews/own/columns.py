"""Which columns of a table hold the texts and the labels: told by a person, never guessed. No torch here."""

from collections.abc import Sequence

from peft_core.errors import PeftClassroomError
from peft_core.reviews.spreadsheet import Table
from peft_core.validated import shortened

SHOWN = 30  # characters of a column's name in a sentence


def two_columns(table: Table, text: str | None, label: str | None) -> tuple[list[str], list[str]]:
    """The cells of the columns that a person has named: texts, labels.

    A column is named as the first row names it. By its number, from 1, it is named where no row names columns: then the
    first row is one like the others.

    Raises:
        PeftClassroomError: if one of them is not named or not there; the sentence lists the columns.
    """
    listed = ", ".join(f"{number} {_plain(cell)!r}" for number, cell in enumerate(table.cells[0], start=1))
    if text is None or label is None:
        raise PeftClassroomError(
            "Say which column holds the texts and which the labels, by what the first row calls them, or by number if "
            f"it is a row like the others. Its cells: {listed}."
        )
    names = [cell.strip() for cell in table.cells[0]]
    named = [names.index(column.strip()) if names.count(column.strip()) == 1 else None for column in (text, label)]
    has_names = None not in named
    if not has_names:
        numbers = [str(number) for number in range(1, table.width + 1)]
        named = [numbers.index(column) if column in numbers else None for column in (text, label)]
    if None in named:
        missing = (text, label)[named.index(None)]
        raise PeftClassroomError(
            f"There is no column {shortened(missing, SHOWN)!r}, or there are two. Cells of the first row: {listed}."
        )
    if named[0] == named[1]:
        raise PeftClassroomError("The texts and the labels are in two columns: name two different ones.")
    return cells_of(table, has_names, named)


def cells_of(table: Table, has_names: bool, columns: Sequence[int]) -> tuple[list[str], list[str]]:
    """The cells of two columns by their numbers from 0, each from top to bottom: texts, labels."""
    first, second = columns
    rows = table.body(has_names)
    return [row[first] for row in rows], [row[second] for row in rows]


def _plain(cell: str) -> str:
    return shortened("".join(c for c in cell if c.isprintable()), SHOWN)
