"""Work that takes long, watched from a terminal: bars on standard error."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peft_core.config import RunConfig
from peft_core.errors import Interrupted
from peft_core.files import make_writable
from peft_core.reviews.own.stored import StoredTexts, write_texts
from peft_core.training.snapshots.moments import FOLDER, steps_in
from peft_core.training.stopping import SECOND_WITHIN, wished

if TYPE_CHECKING:
    from rich.progress import Progress

    from peft_core.training.loop.step_log import StepLog

Show = Callable[[str, dict[str, Any]], None]


PRESSED = {
    1: f"Stopping in {SECOND_WITHIN:.0f} s, with the state saved. Ctrl-C again: finish now and keep the best weights.",
    2: "Finishing: one more validation, then the test of the best weights. Ctrl-C again: stop, with the state saved.",
}


def train_with_progress(
    config: RunConfig, out: Path, start: Path | None = None, texts: StoredTexts | None = None, snapshots: bool = False
) -> dict:
    """Run the experiment with a progress bar on standard error.

    Ctrl-C saves the state and says how to go on; twice, it finishes with the best weights so far.

    Args:
        texts: of the task own; they lie beside the state as long as there is one.
        snapshots: keep moments of the run in the new checkpoint's folder, `snapshots`.

    Raises:
        Interrupted: if it was stopped.
    """
    from peft_core.training.experiment import run_experiment

    work = out.with_name(out.name + ".partial")
    if texts is not None:
        make_writable(work)
        write_texts(work, texts)
    interval, told = (0.0, 0.0), 0
    with wished() as wish, _progress() as progress:
        run = run_experiment(
            config, work, wish.stop, checkpoint=out, start=start, should_keep=wish.keep, snapshots=snapshots
        )
        task = progress.add_task("loading", total=None)
        while True:
            try:
                log = next(run)
            except StopIteration as stop:
                summary = stop.value
                break
            if wish.pressed > told:
                told = wish.pressed
                progress.console.print(PRESSED.get(told, "Stopping …"))
            if log.event in ("validation", "test"):
                progress.console.print(
                    f"step {log.step}: {log.event} accuracy {log.accuracy:.2%} ({log.low:.2%} to {log.high:.2%})"
                )
                interval = (log.low, log.high)
            if log.said:
                progress.console.print(log.said, markup=False)
            progress.update(task, completed=log.step, total=log.total_steps, description=_doing(log))
    if summary is None:
        raise Interrupted(f"Stopped; the state is in {work}. The same command goes on from there.")
    summary |= {"interval": interval}
    if snapshots:
        (work / FOLDER).rename(out / FOLDER)
        summary |= {"snapshots": len(steps_in(out / FOLDER))}
    shutil.rmtree(work, ignore_errors=True)
    return summary


def _doing(log: "StepLog") -> str:
    """What is going on, and how long everything will still take."""
    ahead = "" if log.remaining is None else f", {log.remaining:.0f} s to go"
    if log.event == "measuring":
        return f"{log.split} {log.done}/{log.of}{ahead}"
    cut = "" if log.total_steps == log.full_steps else f" (time for about {log.total_steps} of {log.full_steps} steps)"
    return ("training" if log.train_loss is None else f"loss {log.train_loss:.3f}") + cut + ahead


@contextmanager
def working(what: str) -> Iterator[None]:
    """A bar that moves, and the time, on standard error, as long as something runs whose end is not known."""
    with _progress() as progress:
        progress.add_task(what, total=None)
        yield


def _progress() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


@contextmanager
def bars(what: str, total: int) -> Iterator[Show]:
    """One bar for the run that is being worked on, on standard error; its validations stay as lines."""
    with _progress() as progress:
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
