"""`python -m peft_core reproduce` and `sweep`: commands that train many runs, can be stopped, and go on."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from peft_core.cli.output import Base, Json, print_result
from peft_core.config import RunConfig, run_config
from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import method_config, method_label
from peft_core.paths import cache_dir
from peft_core.report.reproduction.plan import Settings, Table, default_work, make_settings, make_table
from peft_core.report.reproduction.planned_rows import ROW_NAMES, check_rows
from peft_core.report.reproduction.results import Results, load_results

if TYPE_CHECKING:
    from peft_core.training.sweep import Trial

commands = typer.Typer()
Source = Annotated[str, typer.Option(help="bundled or hub")]
Validation = Annotated[int | None, typer.Option(help="reviews that the best is chosen on")]
MaxLength = Annotated[int | None, typer.Option(help="tokens of a review that are read")]
Show = Callable[[str, dict[str, Any]], None]


@commands.command()
def reproduce(
    base: Base = "tiny-t5",
    rows: Annotated[str | None, typer.Option(help=f"comma-separated, of {', '.join(ROW_NAMES)}; default: all")] = None,
    epochs: Annotated[int | None, typer.Option(help="passes over the reviews")] = None,
    evaluations: Annotated[
        int | None, typer.Option(help="validations on the way; the best one's weights count")
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="of every row, as 0,1,2; default: each row's own")] = None,
    train_size: Annotated[int | None, typer.Option(help="reviews to train on")] = None,
    validation_size: Validation = None,
    test_size: Annotated[int | None, typer.Option(help="reviews of the test; default: all")] = None,
    max_length: MaxLength = None,
    source: Source = "bundled",
    work: Annotated[Path | None, typer.Option(help="folder of the runs; default: .cache/reproduce/BASE")] = None,
    out: Annotated[Path | None, typer.Option(help="results file; default: results.json in the folder of runs")] = None,
    known: Annotated[
        Path | None, typer.Option(help="results file; what is finished there, equal in every setting, is taken over")
    ] = None,
    publish: Annotated[Path | None, typer.Option(help="copy finished checkpoints there, under their names")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be trained; train nothing")] = False,
    as_json: Json = False,
) -> None:
    """Train the report's table, run by run. What is there is not repeated; interrupted, the same command goes on."""
    given = {name: value for name, value in locals().items() if name in Settings.model_fields and value is not None}
    settings = make_settings(given | ({"seeds": _list(seeds)} if seeds is not None else {}))
    chosen = None if rows is None else _list(rows)
    check_rows(chosen or ())
    table = _table(settings)
    runs = table.runs_of(chosen)
    work = work or default_work(base)
    out = out or work / "results.json"
    from peft_core.report.reproduction.collect import collect, run_table

    others = load_results(known) if known else None
    if dry_run:
        return _preview(collect(table, work, others), runs, as_json)
    with _stoppable() as stopped, _bars("runs", len(runs)) as show:
        results = run_table(table, work, out, runs, show, stopped, known=others)
    published = []
    if publish:
        from peft_core.report.reproduction.publishing import publish as copy_finished

        published = copy_finished(table, work, publish)
    summaries = [_summary(results, name) for name in runs]
    lines = [_line(summary) for summary in summaries] + [f"published  {name}" for name in published]
    print_result(
        as_json, {"results": str(out), "runs": summaries, "published": published}, [*lines, f"results    {out}"]
    )
    failed = [s for s in summaries if s["state"] == "failed"]
    if failed:
        reasons = "; ".join(f"{s['run']}: {s['message']}" for s in failed)
        raise PeftClassroomError(f"{len(failed)} of {len(runs)} runs failed. {reasons}")
    if any(s["state"] != "done" for s in summaries):
        raise PeftClassroomError(f"Stopped; what is there is in {work}. The same command goes on from there.")


def _table(settings: Settings) -> Table:
    from peft_core.t5.architecture import base_model

    base_model(settings.base)
    from peft_core.reviews.splits import load_splits
    from peft_core.t5.backbone import load_backbone

    return make_table(settings, load_backbone(settings.base).fingerprint, load_splits(settings.source))


def _preview(results: Results, runs: list[str], as_json: bool) -> None:
    """What would be trained, and for how long if a speed has been measured."""
    data, lines = [], []
    for name in runs:
        result, seconds = results.result(name), results.seconds_left(name)
        data.append({"run": name, "state": result.state, "estimated_seconds": seconds})
        time = "" if result.state == "done" else "  time unknown" if seconds is None else f"  about {seconds:.0f} s"
        lines.append(f"{name:<24}{result.state:<9}{time}".rstrip())
    known = [row["estimated_seconds"] for row in data if row["estimated_seconds"] is not None]
    unknown = sum(row["state"] != "done" and row["estimated_seconds"] is None for row in data)
    if known:
        lines.append(f"about {sum(known):.0f} s of training alone, going by measured speeds")
    if unknown:
        lines.append(f"{unknown} of unknown time: no run of their method has measured a speed yet")
    print_result(as_json, data, lines)


def _summary(results: Results, name: str) -> dict[str, Any]:
    result = results.result(name)
    rows = [row.name for row in results.rows if name in row.runs]
    summary: dict[str, Any] = {"run": name, "rows": rows, "state": result.state, "message": result.message}
    if record := result.record:
        summary |= {
            "validation_accuracy": record.validation.accuracy,
            "test_accuracy": record.test.accuracy,
            "interval": (record.test.low, record.test.high),
            "seconds": record.seconds,
        }
    return summary


def _line(row: dict[str, Any]) -> str:
    if row["state"] != "done":
        return f"{row['run']:<24}{row['state']}  {row['message'] or ''}".rstrip()
    low, high = row["interval"]
    return (
        f"{row['run']:<24}test {row['test_accuracy']:.2%}  (95%: {low:.2%} to {high:.2%})  "
        f"validation {row['validation_accuracy']:.2%}  {row['seconds']:.0f} s"
    )


@commands.command()
def sweep(
    method: Annotated[str, typer.Argument(help="full, soft_prompt, adapter or lora")],
    base: Base = "tiny-t5",
    learning_rates: Annotated[
        str | None, typer.Option(help="as 1e-3,2e-3; default: 0.1, 0.3, 1 and 3 times the method's own")
    ] = None,
    warmup_fractions: Annotated[str | None, typer.Option(help="shares of the steps, as 0.06,0.2")] = None,
    weight_decays: Annotated[str | None, typer.Option(help="as 0,0.01")] = None,
    alphas: Annotated[str | None, typer.Option(help="LoRA, as 8,16,32")] = None,
    prompt_inits: Annotated[str | None, typer.Option(help="soft prompt, as vocab,random")] = None,
    r: Annotated[int | None, typer.Option("--r", help="LoRA: rank")] = None,
    bottleneck_dim: Annotated[int | None, typer.Option(help="adapter: width of the bottleneck")] = None,
    num_virtual_tokens: Annotated[int | None, typer.Option(help="soft prompt: number of virtual tokens")] = None,
    train_size: Annotated[int | None, typer.Option(help="reviews to train on")] = None,
    validation_size: Validation = None,
    epochs: Annotated[int, typer.Option(help="passes over them")] = 1,
    max_length: MaxLength = None,
    seed: int = 0,
    source: Source = "bundled",
    out: Annotated[Path | None, typer.Option(help="default: .cache/sweeps/BASE-METHOD.json")] = None,
    as_json: Json = False,
) -> None:
    """Try hyper-parameters, each with the same budget, and choose on validation. The test split is not read."""
    from peft_core.training.sweep import best, grid, run_sweep

    shape = {"r": r, "bottleneck_dim": bottleneck_dim, "num_virtual_tokens": num_virtual_tokens}
    data = {"train_size": train_size, "validation_size": validation_size, "max_length": max_length, "source": source}
    parts = {"method": method_config(method, **_given(shape)), "data": _given(data)}
    config = run_config({"base": base, **parts, "train": {"epochs": epochs, "seed": seed}})
    train = {"learning_rate": learning_rates, "warmup_fraction": warmup_fractions, "weight_decay": weight_decays}
    configs = grid(config, _lists(train), _lists({"alpha": alphas, "prompt_init": prompt_inits}))
    from peft_core.reviews.splits import load_splits
    from peft_core.t5.architecture import base_model

    base_model(base)
    out = out or cache_dir() / "sweeps" / f"{default_work(base).name}-{method}.json"
    with _stoppable() as stopped, _bars("trials", len(configs)) as show:
        trials = run_sweep(configs, out, load_splits(source), lambda c, log: show(_trial_name(c), vars(log)), stopped)
    chosen = best(trials)
    rows = [trial.model_dump(mode="json") for trial in trials]
    lines = [_trial_line(trial) + ("  ← best on validation" if trial is chosen else "") for trial in trials]
    print_result(
        as_json, {"trials": rows, "best": rows[trials.index(chosen)] if chosen else None}, [*lines, f"kept in {out}"]
    )
    if len(trials) < len(configs):
        raise PeftClassroomError(f"Stopped after {len(trials)} of {len(configs)} trials. The same command goes on.")


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


# ---------------------------------------------------------------------------------------------------------------------
# Shared


def _list(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _lists(options: dict[str, str | None]) -> dict[str, list[str]]:
    return {name: _list(text) for name, text in options.items() if text is not None}


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


@contextmanager
def _stoppable() -> Iterator[Callable[[], bool]]:
    """Ctrl-C and SIGTERM become a wish to stop, so that what is done so far can be saved."""
    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _bars(what: str, total: int) -> Iterator[Show]:
    """One bar for the run that is being worked on, on standard error; its validations stay as lines."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks: dict[str, Any] = {}

        def show(name: str, event: dict[str, Any]) -> None:
            if name not in tasks:
                for task in tasks.values():
                    progress.update(task, visible=False)
                tasks[name] = progress.add_task(name)
                progress.console.print(f"{name}, of {total} {what}")
            progress.update(tasks[name], completed=event["step"], total=event["total_steps"])
            if event["event"] in ("validation", "test"):
                progress.console.print(f"{name}  step {event['step']}: {event['event']} {event['accuracy']:.2%}")

        yield show
