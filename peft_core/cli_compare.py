"""`python -m peft_core compare A B`. Registered by `cli`."""

import json
from dataclasses import asdict
from typing import Annotated

import typer


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="name or folder of a checkpoint")],
    second: Annotated[str, typer.Argument(metavar="B", help="name or folder of another")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Is one checkpoint better than another, on the same test reviews? McNemar test and bootstrap interval."""
    from peft_core.comparison import compare as compare_checkpoints
    from peft_core.comparison import p_value, points
    from peft_core.records import find_checkpoint

    infos = [find_checkpoint(name) for name in (first, second)]
    found = compare_checkpoints(*infos)
    test = found.test
    if as_json:
        data = {
            "first": found.first,
            "second": found.second,
            "n": test.n,
            "first_accuracy": test.first_accuracy,
            "second_accuracy": test.second_accuracy,
            **asdict(test),
            "seeds": found.seeds,
            "different_settings": found.different_settings,
            "disagreements": [asdict(row) for row in found.disagreements],
            "sentence": found.sentence,
        }
        typer.echo(json.dumps(data, ensure_ascii=False))
        return
    lines = [
        (found.first, f"{test.first_accuracy:.2%} of {test.n:,} test reviews"),
        (found.second, f"{test.second_accuracy:.2%}"),
        ("both right", f"{test.both_right:,}"),
        (f"only {found.first}", f"{test.only_first:,}"),
        (f"only {found.second}", f"{test.only_second:,}"),
        ("both wrong", f"{test.both_wrong:,}"),
        ("difference", f"{points(test.difference)} points (95% interval {points(test.low)} to {points(test.high)})"),
        ("exact McNemar test", f"p = {p_value(test.p)}"),
    ]
    width = max(len(name) for name, _ in lines)
    typer.echo("\n".join([*(f"{name:<{width}}  {value}" for name, value in lines), found.sentence]))
