"""What the commands of several files have in common."""

import json
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON only.")]
Base = Annotated[str, typer.Option(help="tiny-t5, mini-t5, t5-small, t5-base, t5-large, t5-3b, t5-11b, or a T5 folder")]


def print_result(as_json: bool, data: Any, lines: list[str]) -> None:
    """The data as JSON, or the lines."""
    typer.echo(json.dumps(data, ensure_ascii=False) if as_json else "\n".join(lines))
