"""A training run watched from a terminal."""

import shutil
import signal
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from peft_core.config import RunConfig
from peft_core.errors import PeftClassroomError
from peft_core.training.experiment import run_experiment


def train_with_progress(config: RunConfig, out: Path) -> dict:
    """Run the experiment with a progress bar on standard error; Ctrl-C saves the state and says how to go on."""
    stop_asked = False

    def ask_to_stop(*_: object) -> None:
        nonlocal stop_asked
        stop_asked = True

    signal.signal(signal.SIGINT, ask_to_stop)
    work = out.with_name(out.name + ".partial")
    run = run_experiment(config, work, lambda: stop_asked, checkpoint=out)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    interval = (0.0, 0.0)
    with Progress(*columns, console=Console(stderr=True)) as progress:
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
