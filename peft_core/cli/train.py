"""`train`, and `pretrain`, which makes a base model."""

from pathlib import Path
from typing import Annotated, Any

import typer

from peft_core.cli.options import every_method, part, takes
from peft_core.cli.output import Base, Json, Method, aligned, print_result
from peft_core.cli.own_texts import on_own_texts, own_texts, said_of, word_counts_of
from peft_core.cli.tables import Encoding, LabelColumn, Names, Separator, TextColumn, Told, how_read
from peft_core.config import TrainConfig, run_config
from peft_core.errors import PeftClassroomError
from peft_core.files import make_writable
from peft_core.methods.registry import method_config
from peft_core.reviews.config import DataConfig
from peft_core.reviews.own.stored import check_texts, texts_beside
from peft_core.training.pretraining.config import PRESETS, PretrainConfig
from peft_core.training.snapshots.moments import BUDGET, FOLDER
from peft_core.validated import validated

commands = typer.Typer()

PRETRAIN_OPTIONS = {"steps", "max_reviews", "seed"}  # the rest is the preset of the base model


Snapshots = Annotated[
    bool, typer.Option("--snapshots", help=f"keep moments of the run in OUT/{FOLDER}, at most {BUDGET // 10**6} MB")
]
DataFile = Annotated[
    str | None, typer.Option("--data", help="a table of your own, texts and labels of two classes: the task own")
]


@commands.command()
@takes(*every_method(), DataConfig, TrainConfig, without=("own",))
def train(
    method: Method,
    given: dict[str, Any],
    out: Annotated[Path, typer.Option(help="folder of the new checkpoint")],
    base: Base = "tiny-t5",
    data: DataFile = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    names: Names = None,
    encoding: Encoding = None,
    separator: Separator = None,
    snapshots: Snapshots = False,
    as_json: Json = False,
) -> None:
    """Train, choose the best weights on validation, test once, save. The same command goes on after an interruption.

    Ctrl-C stops with the state saved (exit code 130). A second one within three seconds finishes at once: the best
    weights so far are tested and saved (exit code 0).
    """
    told = Told(text_column, label_column, names=names, encoding=encoding, separator=separator)
    found = own_texts(data, told, given)
    settings = {
        "base": base,
        "method": method_config(method, **part(given, *every_method())),
        "data": part(given, DataConfig),
        "train": part(given, TrainConfig),
    }
    config = run_config(settings)
    if out.exists():
        raise PeftClassroomError(f"{out} exists already. Choose another --out or remove this folder.")
    from peft_core.t5.architecture import base_model

    base_model(base)
    make_writable(out.parent)
    if found is None:
        from peft_core.cli.progress import train_with_progress

        _print_summary(train_with_progress(config, out, snapshots=snapshots), as_json)
        return
    brought, table = found
    config = run_config(settings | on_own_texts(brought, config, given))
    for line in (how_read(table), *said_of(brought, config)):
        typer.echo(line, err=True)
    from peft_core.cli.progress import train_with_progress

    summary = train_with_progress(config, out, texts=brought.texts, snapshots=snapshots)
    _print_summary(summary | word_counts_of(brought), as_json)


@commands.command("continue")
@takes(DataConfig, TrainConfig, without=("own",))
def continue_(
    checkpoint: Annotated[str, typer.Argument(help="name or folder of a checkpoint")],
    given: dict[str, Any],
    out: Annotated[Path, typer.Option(help="folder of the new checkpoint")],
    base: Annotated[str | None, typer.Option(help="name or folder of its base model, if not where it says")] = None,
    snapshots: Snapshots = False,
    as_json: Json = False,
) -> None:
    """Train on from a checkpoint's weights, own or imported. A new run: its record says from which weights."""
    from peft_core.checkpoints.listing import find_checkpoint
    from peft_core.training.continuing import continuation

    if out.exists():
        raise PeftClassroomError(f"{out} exists already. Choose another --out or remove this folder.")
    path = find_checkpoint(checkpoint).path
    config = continuation(path, part(given, DataConfig), part(given, TrainConfig), base)
    texts = texts_beside(path, config.data)
    check_texts(config.data, texts)
    from peft_core.cli.progress import train_with_progress

    _print_summary(train_with_progress(config, out, path, texts, snapshots), as_json)


def _print_summary(summary: dict[str, Any], as_json: bool) -> None:
    interval, counted = summary.pop("interval"), summary.get("word_counts_test_accuracy")
    speed, (change, low, high) = summary["examples_per_second"], summary["change"]
    rows = [
        ("checkpoint", summary["checkpoint"]),
        ("trainable parameters", f"{summary['trainable_parameters']:,}"),
        ("validation accuracy", f"{summary['validation_accuracy']:.2%}"),
        ("test accuracy", f"{summary['test_accuracy']:.2%}  (95%: {interval[0]:.2%} to {interval[1]:.2%})"),
        ("before training", f"{summary['untrained_test_accuracy']:.2%} of the same reviews"),
        ("change", f"{change:+.2%}  (95%, paired: {low:+.2%} to {high:+.2%})"),
        *([("word counts", f"{counted:.2%} of the same test texts")] if counted is not None else []),
        *([("snapshots", f"{kept} in {summary['checkpoint']}/{FOLDER}")] if (kept := summary.get("snapshots")) else []),
        ("training time", f"{summary['seconds']:.0f} s" + (f", {speed:.0f} reviews/s" if speed else "")),
    ]
    if summary["made_worse"]:
        last = f"{summary['checkpoint']}-last"
        rows.append(("note", f"training made it worse: these are the weights of the start, the last are in {last}"))
    print_result(as_json, summary, aligned(rows))


@commands.command()
@takes(PretrainConfig, without=set(PretrainConfig.model_fields) - PRETRAIN_OPTIONS, usual={"steps": None})
def pretrain(
    base: Annotated[str, typer.Argument(help="tiny-t5, or mini-t5, whose blocks it starts from")],
    given: dict[str, Any],
    out: Annotated[Path, typer.Option(help="folder of the finished base model")],
    work: Annotated[Path | None, typer.Option(help="state and log; default: .cache/pretraining/BASE")] = None,
    as_json: Json = False,
) -> None:
    """Make a bundled base model (hours on two cores). Interrupted, the same command goes on."""
    from peft_core.paths import cache_dir
    from peft_core.training.pretraining.model_card import export
    from peft_core.training.pretraining.run import Pretraining

    if base not in PRESETS:
        raise PeftClassroomError(f"Unknown base model {base!r}. Choose one of: {', '.join(PRESETS)}.")
    config = validated(lambda: PretrainConfig(**PRESETS[base].model_dump() | given))
    make_writable(out.parent)
    run = Pretraining(config, work or cache_dir() / "pretraining" / base)
    figures = run.run()
    export(run, figures, out)
    print_result(as_json, figures, [f"{name}: {value}" for name, value in figures.items()])
