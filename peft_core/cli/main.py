"""`python -m peft_core …`: count, train, evaluate, classify, list checkpoints, pretrain.

Also: reproduce, sweep (reproduce.py), compare, report (compare.py), spectrum, similarity, truncate (spectrum.py).

Every command takes `--json`. A wrong option, path or name gets one line that says what is wrong and what exists, and
exit code 2. Torch is imported only by the commands that need it.
"""

import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from peft_core.cli import compare, reproduce, spectrum
from peft_core.cli.output import Base, Json, print_result
from peft_core.config import TrainConfig, run_config
from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import MethodConfig, method_config
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.reviews.config import DataConfig

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
for more in (reproduce, compare, spectrum):
    app.add_typer(more.commands)

Method = Annotated[str, typer.Argument(help="full, soft_prompt, adapter or lora")]
R = Annotated[int | None, typer.Option("--r", help="LoRA: rank")]
Alpha = Annotated[float | None, typer.Option(help="LoRA: scaling = alpha / r")]
Dropout = Annotated[float | None, typer.Option(help="LoRA: dropout on the input of A")]
Targets = Annotated[str | None, typer.Option(help="LoRA: comma-separated names among q,k,v,o,wi,wo")]
Bottleneck = Annotated[int | None, typer.Option(help="adapter: width of the bottleneck")]
Placement = Annotated[str | None, typer.Option(help="adapter: pfeiffer or houlsby")]
NonLinearity = Annotated[str | None, typer.Option(help="adapter: relu, gelu, silu or tanh")]
Tokens = Annotated[int | None, typer.Option(help="soft prompt: number of virtual tokens")]
PromptInit = Annotated[str | None, typer.Option(help="soft prompt: vocab, random or text")]
PromptText = Annotated[str | None, typer.Option(help="soft prompt: words to start from")]


def _method(method: str, **options: Any) -> MethodConfig:
    given = {name: value for name, value in options.items() if value is not None}
    if "target_modules" in given:
        given["target_modules"] = tuple(name.strip() for name in given["target_modules"].split(",") if name.strip())
    config = method_config(method, **given)
    if isinstance(config, SoftPromptConfig) and (config.prompt_init == "text") != (config.prompt_text is not None):
        raise PeftClassroomError("--prompt-init text and --prompt-text belong together: give both or neither.")
    return config


@app.command()
def count(
    method: Method,
    base: Base = "t5-small",
    r: R = None,
    alpha: Alpha = None,
    dropout: Dropout = None,
    target_modules: Targets = None,
    bottleneck_dim: Bottleneck = None,
    placement: Placement = None,
    non_linearity: NonLinearity = None,
    num_virtual_tokens: Tokens = None,
    prompt_init: PromptInit = None,
    prompt_text: PromptText = None,
    as_json: Json = False,
) -> None:
    """Work out a parameter count by hand and check it against numel() of the real model."""
    from peft_core.counting.by_hand import count as count_by_hand
    from peft_core.t5.architecture import base_model

    config = _method(**_options(locals()))
    shape = base_model(base).architecture
    by_hand = count_by_hand(shape, config)
    from peft_core.counting.by_numel import count_by_numel

    by_numel = count_by_numel(shape, config)
    data = {
        "method": method,
        "base": base,
        "trainable_parameters": by_hand.trainable_parameters,
        "total_parameters": by_hand.total_parameters,
        "numel_trainable": by_numel.numel_trainable,
        "numel_total": by_numel.numel_total,
        "lines": [{"text": line.text, "value": line.value} for line in by_hand.lines],
    }
    agree = (by_hand.trainable_parameters, by_hand.total_parameters) == (by_numel.numel_trainable, by_numel.numel_total)
    print_result(
        as_json,
        data,
        [
            *(f"{line.text} = {line.value:,}" for line in by_hand.lines),
            f"by hand   {by_hand.trainable_parameters:,} of {by_hand.total_parameters:,} train"
            f" ({by_hand.trainable_fraction:.4%})",
            f"numel()   {by_numel.numel_trainable:,} of {by_numel.numel_total:,} train",
            "The two agree." if agree else "THE TWO DIFFER.",
        ],
    )
    if not agree:
        raise typer.Exit(1)


@app.command()
def train(
    method: Method,
    out: Annotated[Path, typer.Option(help="Folder of the new checkpoint")],
    base: Base = "tiny-t5",
    r: R = None,
    alpha: Alpha = None,
    dropout: Dropout = None,
    target_modules: Targets = None,
    bottleneck_dim: Bottleneck = None,
    placement: Placement = None,
    non_linearity: NonLinearity = None,
    num_virtual_tokens: Tokens = None,
    prompt_init: PromptInit = None,
    prompt_text: PromptText = None,
    train_size: Annotated[int, typer.Option(help="reviews to train on, half of each label")] = 4000,
    epochs: Annotated[int | None, typer.Option(help="passes over them")] = None,
    max_seconds: Annotated[float | None, typer.Option(help="stop training after this time")] = None,
    seed: int = 0,
    learning_rate: Annotated[float | None, typer.Option(help="default: the method's own")] = None,
    batch_size: Annotated[int | None, typer.Option()] = None,
    max_length: Annotated[int | None, typer.Option(help="tokens of a review that are read")] = None,
    test_size: Annotated[int | None, typer.Option(help="reviews of the final test; default: all")] = None,
    source: Annotated[str, typer.Option(help="bundled or hub")] = "bundled",
    as_json: Json = False,
) -> None:
    """Train, choose the best weights on validation, test once, save. The same command goes on after an interruption."""
    settings = locals()
    config = run_config(
        {
            "base": base,
            "method": _method(**_options(settings)),
            "data": _given(settings, DataConfig),
            "train": _given(settings, TrainConfig),
        }
    )
    if out.exists():
        raise PeftClassroomError(f"{out} exists already. Choose another --out or remove this folder.")
    from peft_core.t5.architecture import base_model

    base_model(base)
    from peft_core.cli.progress import train_with_progress

    summary = train_with_progress(config, out)
    interval = summary.pop("interval")
    print_result(
        as_json,
        summary,
        [
            f"checkpoint            {summary['checkpoint']}",
            f"trainable parameters  {summary['trainable_parameters']:,}",
            f"validation accuracy   {summary['validation_accuracy']:.2%}",
            f"test accuracy         {summary['test_accuracy']:.2%}  (95%: {interval[0]:.2%} to {interval[1]:.2%})",
            f"training time         {summary['seconds']:.0f} s, {summary['examples_per_second'] or 0:.0f} reviews/s",
        ],
    )


@app.command()
def evaluate(
    checkpoint: Annotated[str, typer.Argument(help="name or folder of a checkpoint, or a base model's name")],
    split: Annotated[str, typer.Option(help="train, validation or test")] = "test",
    limit: Annotated[int | None, typer.Option(help="even number of reviews, half of each label; default: all")] = None,
    store: Annotated[
        bool, typer.Option("--store", help="add the test predictions to the checkpoint's run.json")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure a checkpoint's accuracy with its 95% Wilson interval. A base model's name measures it untrained."""
    if split not in ("train", "validation", "test"):
        raise PeftClassroomError(f"Unknown split {split!r}. Choose one of: train, validation, test.")
    if store and (split != "test" or limit is not None):
        raise PeftClassroomError(
            "--store keeps the predictions of the whole test split: leave --split and --limit out."
        )
    from peft_core.checkpoints.listing import find_checkpoint
    from peft_core.t5.architecture import catalogue

    info = None if checkpoint in catalogue() else find_checkpoint(checkpoint)
    if store and info is None:
        raise PeftClassroomError(f"--store adds to a checkpoint's record, and the base model {checkpoint} has none.")
    from peft_core.training.measuring import evaluate_base, evaluate_checkpoint, store_predictions

    if info is None:
        measured = evaluate_base(checkpoint, split, limit)
    else:
        measured = store_predictions(info.path) if store else evaluate_checkpoint(info.path, split, limit)
    data = {"accuracy": measured.accuracy, "low": measured.low, "high": measured.high, "n": measured.n}
    text = f"{measured.accuracy:.2%} of {measured.n:,} reviews (95% interval {measured.low:.2%} to {measured.high:.2%})"
    print_result(as_json, data, [text])


@app.command()
def classify(
    texts: Annotated[list[str], typer.Argument(metavar="TEXT...", help="reviews, each in quotes")],
    checkpoint: Annotated[list[str], typer.Option(help="name or folder; may be given several times")],
    as_json: Json = False,
) -> None:
    """Is a review positive or negative? Asked of one or several checkpoints."""
    from peft_core.checkpoints.listing import find_checkpoint
    from peft_core.reviews.checks import check_number, check_text

    for text in check_number(texts):
        check_text(text)
    infos = [find_checkpoint(name) for name in checkpoint]
    from peft_core.checkpoints.predictor import Predictor
    from peft_core.t5.backbone import load_backbone

    predictors: dict[str, Predictor] = {}
    rows, lines = [], []
    for name, info in zip(checkpoint, infos, strict=True):
        if info.base not in predictors:
            predictors[info.base] = Predictor(load_backbone(info.base))
        for text, prediction in zip(texts, predictors[info.base].classify(texts, info.path), strict=True):
            rows.append(
                {
                    "checkpoint": name,
                    "text": text,
                    "label": prediction.label,
                    "probability_positive": prediction.probability_positive,
                }
            )
            shown = text if len(text) <= 60 else text[:57] + "..."
            lines.append(f"{name}: {prediction.label} (p positive {prediction.probability_positive:.3f})  {shown}")
            lines += [f"    {note}" for note in prediction.notes]
    print_result(as_json, rows, lines)


@app.command()
def checkpoints(as_json: Json = False) -> None:
    """List shipped and trained checkpoints."""
    from peft_core.checkpoints.listing import list_checkpoints
    from peft_core.paths import display_path

    infos = list_checkpoints()
    data = [
        {
            "name": info.name,
            "path": display_path(info.path),
            "method": info.method,
            "base": info.base,
            "trainable_parameters": info.record.trainable_parameters,
            "test_accuracy": info.record.test.accuracy,
        }
        for info in infos
    ]
    width = max((len(row["name"]) for row in data), default=0)
    lines = [
        f"{row['name']:<{width}}  {row['method']:<11}  {row['base']}  {row['trainable_parameters']:>12,} trainable  "
        f"test {row['test_accuracy']:.2%}"
        for row in data
    ]
    print_result(
        as_json, data, lines or ["No checkpoints yet: train one with `python -m peft_core train lora --out DIR`."]
    )


@app.command()
def pretrain(
    base: Annotated[str, typer.Argument(help="tiny-t5, or mini-t5, whose blocks it starts from")],
    out: Annotated[Path, typer.Option(help="folder of the finished base model")],
    work: Annotated[Path | None, typer.Option(help="state and log; default: .cache/pretraining/BASE")] = None,
    steps: Annotated[int | None, typer.Option(help="a larger number continues the same run")] = None,
    max_reviews: Annotated[int | None, typer.Option(help="fewer training reviews, for a trial")] = None,
    seed: int = 0,
    as_json: Json = False,
) -> None:
    """Make a bundled base model (hours on two cores). Interrupted, the same command goes on."""
    from peft_core.paths import cache_dir
    from peft_core.training.pretraining.model_card import export
    from peft_core.training.pretraining.plan import PRESETS
    from peft_core.training.pretraining.run import Pretraining

    if base not in PRESETS:
        raise PeftClassroomError(f"Unknown base model {base!r}. Choose one of: {', '.join(PRESETS)}.")
    given = {"steps": steps, "max_reviews": max_reviews, "seed": seed}
    config = PRESETS[base].model_copy(update={name: value for name, value in given.items() if value is not None})
    run = Pretraining(config, work or cache_dir() / "pretraining" / base)
    figures = run.run()
    export(run, figures, out)
    print_result(as_json, figures, [f"{name}: {value}" for name, value in figures.items()])


def _options(settings: dict[str, Any]) -> dict[str, Any]:
    """The method and its options among a command's arguments."""
    names = (
        "method", "r", "alpha", "dropout", "target_modules", "bottleneck_dim", "placement", "non_linearity",
        "num_virtual_tokens", "prompt_init", "prompt_text",
    )  # fmt: skip
    return {name: settings[name] for name in names}


def _given(settings: dict[str, Any], model: type[DataConfig] | type[TrainConfig]) -> dict[str, Any]:
    """The arguments that are fields of `model` and were given."""
    return {name: settings[name] for name in model.model_fields if settings.get(name) is not None}


def main() -> None:
    """Run a command; what a person can mend becomes one line on standard error and exit code 2."""
    logging.getLogger("transformers").setLevel(logging.ERROR)
    try:
        app(standalone_mode=False)
    except PeftClassroomError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except typer.Abort:
        sys.exit(130)
    except Exception as error:
        # typer's usage errors (unknown option, missing argument) know how to format themselves
        if hasattr(error, "format_message"):
            typer.echo(f"Error: {error.format_message()}", err=True)
            sys.exit(2)
        raise
