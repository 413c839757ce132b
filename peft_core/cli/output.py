"""What the commands of several files have in common."""

import json
from collections.abc import Sequence
from io import StringIO
from typing import Annotated, Any

import typer

from peft_core.methods.registry import METHODS
from peft_core.t5.architecture import catalogue

Json = Annotated[bool, typer.Option("--json", help="Print JSON only.")]
Base = Annotated[str, typer.Option(help=f"{', '.join(catalogue())}, or a T5 folder")]
Method = Annotated[str, typer.Argument(help=f"one of {', '.join(METHODS)}")]


def print_result(as_json: bool, data: Any, lines: Sequence[str]) -> None:
    """The data as JSON, or the lines."""
    typer.echo(json.dumps(data, ensure_ascii=False, allow_nan=False) if as_json else "\n".join(lines))


def aligned(rows: Sequence[Sequence[str]], right: bool = False) -> list[str]:
    """Rows as lines with aligned columns; `right`: all but the first column to the right, as numbers stand.

    Nothing is cut or wrapped, so that a pipe gets what a screen gets.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    for number in range(len(rows[0]) if rows else 0):
        grid.add_column(justify="right" if right and number else "left", no_wrap=True)
    for row in rows:
        grid.add_row(*map(Text, row))
    console = Console(file=StringIO(), width=10_000, color_system=None)
    console.print(grid)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]
