"""Work that takes long, watched from a terminal: bars on standard error."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peft_core.config import RunConfig
from peft_core.errors import PeftClassroomError
from peft_core.training.stopping import stoppable

if TYPE_CHECKING:
    from rich.progress import Progress

Show = Callable[[str, dict[str, Any]], None]


def train_with_progress(config: RunConfig, out: Path, start: Path | None = None) -> dict:
    """Run the experiment with a progress bar on standard error; Ctrl-C saves the state and says how to go on."""
    from peft_core.training.experiment import run_experiment

    work = out.with_name(out.name + ".partial")
    interval = (0.0, 0.0)
    with stoppable() as stopped, _progress() as progress:
        run = run_experiment(config, work, stopped, checkpoint=out, start=start)
        task = progress.add_task("loading", total=None)
        while True:
            try:
                log = next(run)
            except StopIteration as stop:
                summary = stop.value
                break
            if log.event in ("validation", "test"):
                progress.console.print(
                    f"step {log.step}: {log.event} accuracy {log.accuracy:.2%} ({log.low:.2%} to {log.high:.2%})"
                )
                interval = (log.low, log.high)
            description = "training" if log.train_loss is None else f"loss {log.train_loss:.3f}"
            progress.update(task, completed=log.step, total=log.total_steps, description=description)
    if summary is None:
        raise PeftClassroomError(f"Stopped; the state is in {work}. The same command goes on from there.")
    shutil.rmtree(work, ignore_errors=True)
    return summary | {"interval": interval}


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
