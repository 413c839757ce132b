"""`python -m peft_core compare A B` and `report`: whether runs differ, and the table to take home."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from peft_core.cli.output import Json, aligned, print_result
from peft_core.cli.own_texts import check_file_named, learned_texts
from peft_core.cli.tables import Encoding, LabelColumn, Names, Separator, TextColumn, Told, how_read
from peft_core.errors import PeftClassroomError
from peft_core.files import writing
from peft_core.reviews.config import REVIEWS
from peft_core.t5.architecture import base_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peft_core.checkpoints.listing import CheckpointInfo
    from peft_core.reviews.tasks import Split

commands = typer.Typer()


@commands.command()
def compare(
    checkpoints: Annotated[
        list[str], typer.Argument(metavar="A B …", help="names or folders of two checkpoints or more")
    ],
    data: Annotated[
        str | None, typer.Option("--data", help="the table of texts that they have learned, if no run's folder has it")
    ] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    names: Names = None,
    encoding: Encoding = None,
    separator: Separator = None,
    as_json: Json = False,
) -> None:
    """Is one checkpoint better than another, on the same test reviews? Of more than two: all pairs, Holm-corrected."""
    told = Told(text_column, label_column, names=names, encoding=encoding, separator=separator)
    check_file_named(data, told)
    from peft_core.checkpoints.listing import find_run

    if len(checkpoints) < 2:
        raise PeftClassroomError("One checkpoint cannot be compared. Name another one.")
    infos = [find_run(name) for name in checkpoints]
    folders = [info.path.resolve() for info in infos]
    named = zip(checkpoints, folders, strict=True)
    if twice := next((name for name, folder in named if folders.count(folder) > 1), None):
        raise PeftClassroomError(f"{twice} is named twice, and nothing differs from itself. Name each once.")
    splits = _splits(data, told, infos[0]) if data else None
    if len(infos) == 2:
        _two(*infos, as_json, splits)
    else:
        _all_pairs(infos, as_json, splits)


def _splits(file: str, told: Told, first: "CheckpointInfo") -> "Mapping[str, Split]":
    """The texts that the first of them has learned, from a file.

    Raises:
        PeftClassroomError: if they are others.
    """
    texts, table = learned_texts(file, told, first.record.learned)
    typer.echo(how_read(table), err=True)
    if texts is None:
        raise PeftClassroomError(
            f"{file} does not hold the texts that {first.name} has learned, letter for letter and in their order, so "
            "what it answered to its test texts cannot be looked up in it."
        )
    return texts.splits()


def _all_pairs(infos: "list[CheckpointInfo]", as_json: bool, splits: "Mapping[str, Split] | None") -> None:
    """Smallest p first."""
    from peft_core.analysis.comparison import all_pairs_sentence, compare_all
    from peft_core.statistics.formats import p_value, points

    pairs = sorted(compare_all(infos, splits), key=lambda pair: pair.test.p)
    sentence = all_pairs_sentence(pairs)
    data = {
        "pairs": [
            {"first": pair.first, "second": pair.second, "n": pair.test.n, **asdict(pair.test), "p_holm": pair.p_holm}
            for pair in pairs
        ],
        "sentence": sentence,
    }
    lines = [("first", "second", "points", "p", "p, Holm")]
    lines += [
        (pair.first, pair.second, points(pair.test.difference), p_value(pair.test.p), p_value(pair.p_holm))
        for pair in pairs
    ]
    print_result(as_json, data, [*aligned(lines), sentence])


def _two(
    first: "CheckpointInfo", second: "CheckpointInfo", as_json: bool, splits: "Mapping[str, Split] | None"
) -> None:
    """McNemar test and bootstrap interval."""
    from peft_core.analysis.comparison import compare as compare_checkpoints
    from peft_core.statistics.formats import p_text, points

    found = compare_checkpoints(first, second, splits)
    test = found.test
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
    lines = [
        (found.first, f"{test.first_accuracy:.2%} of {test.n:,} test {'texts' if found.own else 'reviews'}"),
        (found.second, f"{test.second_accuracy:.2%}"),
        ("both right", f"{test.both_right:,}"),
        (f"only {found.first}", f"{test.only_first:,}"),
        (f"only {found.second}", f"{test.only_second:,}"),
        ("both wrong", f"{test.both_wrong:,}"),
        ("difference", f"{points(test.difference)} points (95% interval {points(test.low)} to {points(test.high)})"),
        ("exact McNemar test", p_text(test.p)),
    ]
    print_result(as_json, data, [*aligned(lines), found.sentence])


@commands.command()
def report(
    out: Annotated[Path | None, typer.Option(help="a new file: .html, .csv or .json")] = None,
    base: Annotated[str, typer.Option(help="the base model of the runs")] = "tiny-t5",
    as_json_only: Json = False,
) -> None:
    """The report's table beside the runs that are here: printed, or as a file. Not run is shown as not run."""
    from peft_core.report.export.data import as_csv, as_json, compared_with_first, table_data
    from peft_core.report.export.page import as_html

    writers = {
        ".html": lambda data: as_html(data).encode(),
        ".json": lambda data: as_json(data).encode(),
        ".csv": as_csv,
    }
    if out and out.suffix not in writers:
        raise PeftClassroomError(f"--out {out.name} has to end with one of: {', '.join(writers)}.")
    if out and out.exists():
        raise PeftClassroomError(f"{out} exists already. Choose another --out or remove this file.")
    if out and not out.parent.is_dir():
        raise PeftClassroomError(
            f"There is no folder {out.parent} to write {out.name} into. Make it, or choose another --out."
        )
    base_model(base)
    from peft_core.checkpoints.listing import list_all
    from peft_core.counting.by_numel import count_by_numel
    from peft_core.report.build import build_table

    listed = list_all()
    table = build_table([info for info in listed.runs if info.task == REVIEWS.task_key], base, count_by_numel)
    data = table_data(table, *compared_with_first(table))
    if out:
        with writing(out.parent):
            out.write_bytes(writers[out.suffix](data))
    if as_json_only:
        typer.echo(as_json(data), nl=False)
        return
    rows = [
        (
            f"{row['number']:>2}",
            row["label"],
            f"reported {row['shown']['reported']}",
            f"here {row['shown']['reproduced']}",
        )
        for row in data["rows"]
    ]
    typer.echo("\n".join(aligned(rows)))
    for left_out in (*listed.adopted, *listed.damaged):
        typer.echo(f"Not in the table: {left_out.name}. {left_out.why}", err=True)
    if out:
        typer.echo(f"Written: {out}")
