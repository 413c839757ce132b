"""`python -m peft_core sweep`: the same budget with several hyper-parameters, chosen on validation."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from peft_core.cli.options import every_method, lists, part, takes
from peft_core.cli.output import Base, Json, Method, print_result
from peft_core.cli.progress import bars
from peft_core.config import RunConfig, TrainConfig, run_config
from peft_core.errors import Interrupted
from peft_core.methods.registry import METHODS, method_config, method_label
from peft_core.paths import cache_dir
from peft_core.report.reproduction.plan import default_work
from peft_core.reviews.config import DataConfig
from peft_core.training.stopping import stoppable

if TYPE_CHECKING:
    from peft_core.training.sweep import Trial

commands = typer.Typer()
# What is varied: how a run learns, and what of a method changes values, never shapes or work.
VARIED = ("learning_rate", "warmup_fraction", "weight_decay")
VARIED_OF_METHODS = tuple(sorted({name for method in METHODS.values() for name in method.free_fields}))
FIXED = (
    "test_size",
    "max_seconds",
    "test_curve",
    "prompt_text",
    "own",
)  # no test split is read; all have the same budget


@commands.command()
@takes(
    *every_method(), DataConfig, TrainConfig, without=FIXED, several=(*VARIED, *VARIED_OF_METHODS), usual={"epochs": 1}
)
def sweep(
    method: Method,
    given: dict[str, Any],
    base: Base = "tiny-t5",
    out: Annotated[Path | None, typer.Option(help="default: .cache/sweeps/BASE-METHOD.json")] = None,
    as_json: Json = False,
) -> None:
    """Try hyper-parameters, each with the same budget, and choose on validation. The test split is not read.

    Without --learning-rates: 0.1, 0.3, 1 and 3 times the method's own.
    """
    from peft_core.training.sweep import best, grid, run_sweep

    config = run_config(
        {
            "base": base,
            "method": method_config(method, **part(given, *every_method())),
            "data": part(given, DataConfig),
            "train": part(given, TrainConfig),
        }
    )
    configs = grid(config, lists(given, TrainConfig), lists(given, *every_method()))
    from peft_core.reviews.splits import load_splits
    from peft_core.t5.architecture import base_model

    base_model(base)
    out = out or cache_dir() / "sweeps" / f"{default_work(base).name}-{method}.json"
    splits = load_splits(config.data.source)
    with stoppable() as stopped, bars("trials", len(configs)) as show:
        trials = run_sweep(configs, out, splits, lambda c, log: show(_trial_name(c), vars(log)), stopped)
    chosen = best(trials)
    rows = [trial.model_dump(mode="json") for trial in trials]
    lines = [_trial_line(trial) + ("  ← best on validation" if trial is chosen else "") for trial in trials]
    print_result(
        as_json, {"trials": rows, "best": rows[trials.index(chosen)] if chosen else None}, [*lines, f"kept in {out}"]
    )
    if len(trials) < len(configs):
        raise Interrupted(f"Stopped after {len(trials)} of {len(configs)} trials. The same command goes on.")


def _trial_name(config: RunConfig) -> str:
    """What a trial varies, in one line."""
    train, method = config.train, config.method
    varied = {"alpha": getattr(method, "alpha", None), "init": getattr(method, "prompt_init", None)}
    varied |= {"warm-up": train.warmup_fraction, "decay": train.weight_decay or None}
    return f"{method_label(method)}, rate {config.learning_rate:g}" + "".join(
        f", {name} {value:g}" if isinstance(value, float) else f", {name} {value}"
        for name, value in varied.items()
        if value is not None
    )


def _trial_line(trial: "Trial") -> str:
    if not trial.validation:
        return f"{_trial_name(trial.config)}  failed: {trial.message}"
    v = trial.validation
    return f"{_trial_name(trial.config)}  validation {v.accuracy:.2%} (95%: {v.low:.2%} to {v.high:.2%})"
