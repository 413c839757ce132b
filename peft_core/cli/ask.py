"""`checkpoints`, `evaluate`, `classify`: what there is, how good it is, what it says."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from peft_core.cli.output import Json, aligned, print_result
from peft_core.cli.own_texts import More, check_file_named, learned_texts, more_texts
from peft_core.cli.tables import (
    Encoding,
    LabelColumn,
    Names,
    Separator,
    TextColumn,
    Told,
    how_read,
    reviews_of_file,
)
from peft_core.errors import PeftClassroomError
from peft_core.statistics.intervals import wilson

if TYPE_CHECKING:
    from peft_core.checkpoints.listing import CheckpointInfo
    from peft_core.reviews.own.stored import StoredTexts

commands = typer.Typer()
BaseFolder = Annotated[
    str | None, typer.Option("--base", help="name or folder of its base model, if not where its record says")
]


@commands.command()
def checkpoints(as_json: Json = False) -> None:
    """List shipped and trained checkpoints."""
    from peft_core.checkpoints.listing import list_all
    from peft_core.paths import display_path

    listed = list_all()
    data: list[dict[str, Any]] = [
        {
            "name": info.name,
            "path": display_path(info.path),
            "method": info.method,
            "base": info.base,
            "task": info.record.learned.task,
            "trainable_parameters": info.record.trainable_parameters,
            "test_accuracy": info.record.test and info.record.test.accuracy,
            "problem": info.why or None,
        }
        for info in listed.usable
    ]
    damaged = [{"name": one.name, "path": display_path(one.path), "problem": one.why} for one in listed.damaged]
    lines = aligned(
        [
            (row["name"], row["method"], row["base"], row["task"], f"{row['trainable_parameters']:>12,} trainable",
             "not measured" if row["test_accuracy"] is None else f"test {row['test_accuracy']:.2%}")
            for row in data
        ]
    )  # fmt: skip
    lines += [f"{row['name']}: {row['problem']}" for row in data if row["problem"]]
    lines += [f"{row['name']} is damaged: {row['problem']}" for row in damaged]
    none = ["No checkpoints yet: train one with `python -m peft_core train lora --out DIR`."]
    print_result(as_json, [*data, *damaged], lines or none)


@commands.command()
def evaluate(
    checkpoint: Annotated[str, typer.Argument(help="name or folder of a checkpoint, or a base model's name")],
    split: Annotated[str, typer.Option(help="train, validation or test")] = "test",
    limit: Annotated[int | None, typer.Option(help="even number of reviews, half of each label; default: all")] = None,
    store: Annotated[
        bool,
        typer.Option("--store", help="note in the checkpoint's run.json what was measured, and of which weights"),
    ] = False,
    base: BaseFolder = None,
    data: Annotated[
        str | None, typer.Option("--data", help="a table of texts with labels, the checkpoint's two classes")
    ] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    names: Names = None,
    encoding: Encoding = None,
    separator: Separator = None,
    as_json: Json = False,
) -> None:
    """Measure a checkpoint's accuracy with its 95% Wilson interval. A base model's name measures it untrained.

    With --data: on the texts of that table. If they are the very ones that it has learned, on a split of them, as ever.
    """
    told = Told(text_column, label_column, names=names, encoding=encoding, separator=separator)
    check_file_named(data, told)
    if split not in ("train", "validation", "test"):
        raise PeftClassroomError(f"Unknown split {split!r}. Choose one of: train, validation, test.")
    if store and (split != "test" or limit is not None):
        raise PeftClassroomError(
            "--store keeps what was measured on the whole test split: leave --split and --limit out."
        )
    from peft_core.checkpoints.exchange.at_hand import at_hand
    from peft_core.checkpoints.listing import find_checkpoint
    from peft_core.t5.architecture import catalogue

    untrained = checkpoint in catalogue()
    if untrained and data:
        raise PeftClassroomError(
            f"The base model {checkpoint} has learned no classes: with --data name a checkpoint. What the base says of "
            "the same test texts before training, `train --data` tells."
        )
    if store and untrained:
        raise PeftClassroomError(f"--store adds to a checkpoint's record, and the base model {checkpoint} has none.")
    if store:
        find_checkpoint(checkpoint)  # one of another library has no record: it is imported first
    with at_hand([] if untrained else [checkpoint], base, _tell) as infos:
        texts, more = _of_file(data, told, infos[0], (split, limit, store)) if data else (None, None)
        from peft_core.cli.progress import working
        from peft_core.training.evaluate import evaluate_base, evaluate_checkpoint, evaluate_on, measure_again

        with working(f"measuring {checkpoint}"):
            if untrained:
                measured = evaluate_base(checkpoint, split, limit)
            elif more:
                measured = evaluate_on(infos[0].path, more.texts, more.labels, base)
            elif store:
                measured = measure_again(infos[0].path, base, texts)
            else:
                measured = evaluate_checkpoint(infos[0].path, split, limit, base, texts)
    for info in infos:
        if info.why and not store and not info.record.source:
            _tell(f"{info.name}: {info.why}")
    what = "texts" if data or any(info.record.learned.own for info in infos) else "reviews"
    figures = {"accuracy": measured.accuracy, "low": measured.low, "high": measured.high, "n": measured.n}
    text = f"{measured.accuracy:.2%} of {measured.n:,} {what} (95% interval {measured.low:.2%} to {measured.high:.2%})"
    print_result(as_json, figures, [text])


def _of_file(
    file: str, told: Told, info: "CheckpointInfo", asked: tuple[str, int | None, bool]
) -> "tuple[StoredTexts | None, More | None]":
    """The texts that it has learned, if the file holds them; else those to measure it on."""
    learned = info.record.learned
    texts, table = learned_texts(file, told, learned)
    _tell(how_read(table))
    if texts:
        _tell("These are the texts that it has learned, split as they were then.")
        return texts, None
    if asked != ("test", None, False):
        raise PeftClassroomError("All texts of --data are measured, and nothing is stored: leave --split, --limit and "
                                 "--store out.")  # fmt: skip
    more = more_texts(file, told, learned, info.path)
    for line in more.said:
        _tell(line)
    return None, more


@commands.command()
def classify(
    checkpoint: Annotated[list[str], typer.Option(help="name or folder; may be given several times")],
    texts: Annotated[list[str] | None, typer.Argument(metavar="TEXT...", help="reviews, each in quotes")] = None,
    file: Annotated[str | None, typer.Option(help="a table with a review in each row: .csv, .tsv, .txt")] = None,
    text_column: Annotated[str | None, typer.Option(help="its column of reviews: a name or a number from 1")] = None,
    label_column: Annotated[str | None, typer.Option(help="its column of true labels, if there is one")] = None,
    positive: Annotated[str | None, typer.Option(help="labels that mean positive, with commas: 4,5")] = None,
    negative: Annotated[str | None, typer.Option(help="labels that mean negative; others are left out")] = None,
    names: Names = None,
    encoding: Encoding = None,
    separator: Separator = None,
    base: BaseFolder = None,
    as_json: Json = False,
) -> None:
    """Say which of the two classes each text is of: positive or negative, or those that a checkpoint has learned."""
    from peft_core.checkpoints.exchange.at_hand import at_hand
    from peft_core.reviews.checks import check_number, check_text
    from peft_core.reviews.tasks import check_one_task

    told = Told(text_column, label_column, positive, negative, names, encoding, separator)
    if bool(texts) == (file is not None):
        raise PeftClassroomError("Give reviews, each in quotes, or --file with a table of them.")
    if texts and told != Told():
        raise PeftClassroomError("--text-column, --label-column and the like say how --file is read: name a file.")
    reviews = None
    if file is not None:
        reviews, table = reviews_of_file(file, told)
        _tell(how_read(table))
        texts = list(reviews.texts)
    for text in check_number(texts or []):
        check_text(text)
    rows, lines = [], []
    with at_hand(checkpoint, base, _tell) as infos:
        from peft_core.checkpoints.asking.predictor import Predictor
        from peft_core.t5.backbone import load_backbone

        check_one_task([info.record.learned for info in infos], checkpoint)
        predictors: dict[tuple[str, str | None], Predictor] = {}
        for name, info in zip(checkpoint, infos, strict=True):
            on = base or info.base, info.record.prefix
            if on not in predictors:
                predictors[on] = Predictor(load_backbone(*on))
            found = predictors[on].classify(texts, info.path)
            for position, (text, prediction) in enumerate(zip(texts, found, strict=True)):
                row: dict[str, Any] = {
                    "checkpoint": name,
                    "text": text,
                    "label": prediction.label,
                    "probability_positive": prediction.probability_positive,
                }
                if reviews is not None:
                    row["row"] = reviews.rows[position]
                    row["truth"] = reviews.labels and reviews.labels[position]
                rows.append(row)
                line = " ".join(text.split())
                shown = line if len(line) <= 60 else line[:57] + "..."
                sure = f"p {prediction.labels[1]} {prediction.probability_positive:.3f}"
                lines.append(f"{name}: {prediction.label} ({sure})  {shown}")
                lines += [f"    {note}" for note in prediction.notes]
    lines += _right(checkpoint, rows)
    print_result(as_json, rows, lines)


def _right(checkpoints: list[str], rows: list[dict[str, Any]]) -> list[str]:
    """How many of the labelled rows each checkpoint has right, with its interval."""
    lines = []
    for name in dict.fromkeys(checkpoints):
        known = [row for row in rows if row["checkpoint"] == name and row.get("truth") is not None]
        if known:
            right = wilson(sum((row["probability_positive"] > 0.5) == row["truth"] for row in known), len(known))
            lines.append(
                f"{name}: {right.accuracy:.2%} of {right.n:,} labelled reviews right "
                f"(95% interval {right.low:.2%} to {right.high:.2%})"
            )
    return lines


def _tell(sentence: str) -> None:
    typer.echo(sentence, err=True)
