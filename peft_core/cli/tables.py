"""A table on the command line: what the page asks on its preview is told by options here, and nothing is guessed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from peft_core.errors import PeftClassroomError
from peft_core.reviews.spreadsheet import (
    DELIMITERS,
    ENCODINGS,
    MANY,
    MAX_REVIEWS,
    MAX_VALUES,
    Bounds,
    Reviews,
    Table,
    labelled,
    plain_meaning,
    read_table,
)

SEPARATORS = {"tab": "\t", **{mark: mark for mark in DELIMITERS if mark != "\t"}}

TextColumn = Annotated[str | None, typer.Option(help="its column of texts: a name or a number from 1")]
LabelColumn = Annotated[str | None, typer.Option(help="its column of labels")]
Names = Annotated[bool | None, typer.Option("--names/--no-names", help="the first row names the columns")]
Encoding = Annotated[str | None, typer.Option(help=f"if it is told wrongly: {', '.join(ENCODINGS)}")]
Separator = Annotated[str | None, typer.Option(help=f"if it is told wrongly: {' '.join(SEPARATORS)}")]


@dataclass(frozen=True)
class Told:
    """What the options say of a table; None where nothing was said. Columns are names or numbers from 1."""

    text_column: str | None = None
    label_column: str | None = None
    positive: str | None = None  # values, with commas between them
    negative: str | None = None
    names: bool | None = None
    encoding: str | None = None
    separator: str | None = None


def reviews_of_file(path: str, told: Told, bounds: Bounds = MANY, most: int = MAX_REVIEWS) -> tuple[Reviews, Table]:
    """The reviews of a file, with labels where a column of labels is named, and the table they came from.

    Raises:
        PeftClassroomError: if the file cannot be read, or an option is missing that only a person can know.
    """
    table, names, text, column = _table(path, told, bounds)
    if column is None:
        if told.positive or told.negative:
            raise PeftClassroomError("--positive and --negative say what the values of --label-column mean: name it.")
        return labelled(table, names, text, most=most), table
    return labelled(table, names, text, column, _meaning(table, names, column, told), most), table


def columns_of_file(path: str, told: Told, bounds: Bounds) -> tuple[list[str], list[str], Table]:
    """The cells of a file's two columns, texts and labels, and the table they came from.

    Raises:
        PeftClassroomError: if the file cannot be read, or an option is missing that only a person can know.
    """
    table, names, text, column = _table(path, told, bounds)
    if column is None:
        raise PeftClassroomError(f"Which column holds the labels? --label-column is one of: {_listed(table)}.")
    rows = table.body(names)
    return [row[text] for row in rows], [row[column] for row in rows], table


def _table(path: str, told: Told, bounds: Bounds) -> tuple[Table, bool, int, int | None]:
    """The table, whether its first row has names, the column of texts, and that of labels if one is named."""
    if told.separator is not None and told.separator not in SEPARATORS:
        raise PeftClassroomError(f"--separator is one of: {', '.join(SEPARATORS)}.")
    try:
        with Path(path).open("rb") as file:
            data = file.read(bounds.megabytes * 1_000_000 + 1)
    except OSError as error:
        raise PeftClassroomError(f"{path} cannot be read: {error.strerror or error}.") from error
    table = read_table(data, bounds, told.encoding, told.separator and SEPARATORS[told.separator])
    names = _has_names(table, told)
    if told.text_column is None and table.width > 1:
        raise PeftClassroomError(f"Which column holds the texts? --text-column is one of: {_listed(table)}.")
    text = _column(table, names, told.text_column or "1", "--text-column")
    if told.label_column is None:
        return table, names, text, None
    column = _column(table, names, told.label_column, "--label-column")
    if column == text:
        raise PeftClassroomError("--text-column and --label-column are the same column.")
    return table, names, text, column


def how_read(table: Table) -> str:
    """One sentence: in which encoding, with which separator."""
    mark = next((name for name, mark in SEPARATORS.items() if mark == table.delimiter), "")
    cells = f"cells separated by {mark}" if table.width > 1 and mark else "one column"
    marks = "" if table.quoted else ", quotation marks taken as letters"
    return f"Read as {ENCODINGS[table.encoding]}, {cells}{marks}."


def _has_names(table: Table, told: Told) -> bool:
    if told.names is not None:
        return told.names
    first = [cell.strip() for cell in table.cells[0]]
    if any(name in first for name in (told.text_column, told.label_column)):
        return True
    raise PeftClassroomError(
        f"Does the first row name the columns? Say --names or --no-names. It has: {_listed(table)}."
    )


def _column(table: Table, names: bool, asked: str, option: str) -> int:
    columns = list(table.columns(names))
    if names and columns.count(asked) == 1:
        return columns.index(asked)
    if asked.isdecimal() and 1 <= int(asked) <= table.width:
        return int(asked) - 1
    raise PeftClassroomError(f"There is no one column {asked!r}. {option} is one of: {_listed(table)}.")


def _listed(table: Table) -> str:
    return ", ".join(f"{number} ({cell.strip()[:30]!r})" for number, cell in enumerate(table.cells[0], start=1))


def _meaning(table: Table, names: bool, column: int, told: Told) -> dict[str, int | None]:
    values = table.values_of(column, names)
    plain = plain_meaning(values)
    if told.positive is None and told.negative is None:
        if plain:
            return dict(plain)
        several = ", ".join(list(values)[:MAX_VALUES]) + (" …" if len(values) > MAX_VALUES else "")
        raise PeftClassroomError(
            f"The values of that column are: {several or 'none'}. Say what they mean: --positive and --negative, each "
            "with commas between its values; all others are left out."
        )
    said = {1: _values(told.positive), 0: _values(told.negative)}
    known = {value.casefold() for value in values}
    for value in (*said[1], *said[0]):
        if value not in known:
            raise PeftClassroomError(
                f"No row has the label {value!r}. There are: {', '.join(list(values)[:MAX_VALUES])}."
            )
    if both := [value for value in said[1] if value in said[0]]:
        raise PeftClassroomError(f"{both[0]!r} cannot be both --positive and --negative.")
    return {value: next((label for label in (1, 0) if value.casefold() in said[label]), None) for value in values}


def _values(given: str | None) -> Sequence[str]:
    return [value.strip().casefold() for value in (given or "").split(",") if value.strip()]
