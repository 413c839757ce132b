"""The process that trains one run: `python -m peft_core.training.runs.worker RUN_DIR`, or `--spare` (spare.py).

It turns what the experiment yields into metrics.jsonl and status.json, and whatever happens into one final state.
Exit codes: 0 succeeded, stopped on request or not needed, 1 failed, 2 not a run that can be started, 75 to be tried
again (cluster/job.py).
"""

import argparse
import errno
import faulthandler
import os
import sys
import time
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peft_core.errors import PeftClassroomError
from peft_core.reviews.own.stored import check_texts, read_texts
from peft_core.training.runs.aftermath import succeeded, sweep
from peft_core.training.runs.cluster.job import INTERRUPTED, OfJob, SupersededError, job_of
from peft_core.training.runs.folder import RunFolder, RunStatus
from peft_core.training.runs.guard import Guard
from peft_core.training.runs.process import identity, importing, is_alive, is_first_to_go
from peft_core.training.runs.spare import await_run
from peft_core.training.runs.spec import CLASSROOM_LIMITS, Limits, RunSpec, check_limits
from peft_core.training.runs.store import RunStore
from peft_core.training.stopping import stop_on_signals

if TYPE_CHECKING:
    from peft_core.training.loop.step_log import StepLog
    from peft_core.training.runs.folder import Phase

    # experiment(config, folder, should_stop, should_keep=…): yields StepLogs, returns a summary, or None if stopped.
    Experiment = Callable[..., Generator[StepLog, None, dict[str, Any] | None]]

_SECONDS_BETWEEN_STATUS_WRITES = 0.3
_NICENESS = 10


def main(
    arguments: Sequence[str] | None = None,
    *,
    experiment: "Experiment | None" = None,
    limits: Limits = CLASSROOM_LIMITS,
) -> int:
    """Train the run whose folder is given, as a process that behaves well: polite, and stopped by SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m peft_core.training.runs.worker", description="Train one run.")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("run_dir", type=Path, nargs="?", help="folder of the run, with spec.json and status.json in it")
    which.add_argument("--spare", action="store_true", help="be ready, and read the folder from standard input")
    options = parser.parse_args(arguments)
    _lower_priority()
    run_dir = options.run_dir
    if options.spare:
        experiment = experiment or _experiment(threads=None)
        run_dir = await_run()
        if run_dir is None:
            return 0
    stop_requested = stop_on_signals()
    job = job_of(RunFolder(run_dir.absolute()))
    if job:
        if not job.await_folder(stop_requested):
            print(f"This machine does not see the folder {run_dir}. Is the shared disk mounted?", file=sys.stderr)
            return INTERRUPTED
        job.write_log()
    return run_worker(run_dir, experiment, limits=limits, stop_requested=stop_requested, job=job)


def run_worker(
    run_dir: Path,
    experiment: "Experiment | None" = None,
    *,
    limits: Limits = CLASSROOM_LIMITS,
    stop_requested: Callable[[], bool] = lambda: False,
    job: OfJob | None = None,
) -> int:
    """Train the run in `run_dir` with `experiment` (default: `peft_core.training.experiment.run_experiment`).

    Args:
        job: what this process is on a cluster, if one started it.

    Returns:
        The exit code of the process.
    """
    try:
        store = RunStore(run_dir.resolve().parent)
        folder = store.folder(run_dir.resolve().name)
        spec = folder.spec()
        reporter = _Reporter(folder, _claim(store, folder, job))
    except PeftClassroomError as error:
        print(error, file=sys.stderr)
        return 2 if job is None or job.folder_is_there else INTERRUPTED

    def give_up(why: str) -> None:
        reporter.finish("failed", message=f"{why}, did not stop when it was asked to, and was ended.")
        os._exit(1)

    guard = Guard(folder, limits, give_up)

    def should_stop() -> bool:
        if job:
            job.mind(stop_requested)
        return stop_requested() or guard.why is not None or folder.cancel_flag.exists()

    try:
        with guard:
            return _train(folder, spec, reporter, guard, limits, should_stop, experiment)
    except SupersededError as error:
        print(error, file=sys.stderr)
        return 2
    except PeftClassroomError as error:
        traceback.print_exc()
        return _failed(reporter, job, str(error))
    except Exception as error:
        traceback.print_exc()
        return _failed(reporter, job, _in_a_sentence(error))


def _failed(reporter: "_Reporter", job: OfJob | None, message: str) -> int:
    """The last word of a run that failed; where even that cannot be written, the server will find out."""
    if job and not job.folder_is_there:
        return INTERRUPTED
    try:
        reporter.finish("failed", message=message)
    except PeftClassroomError:
        traceback.print_exc()
    return 1


def _train(
    folder: RunFolder,
    spec: RunSpec,
    reporter: "_Reporter",
    guard: Guard,
    limits: Limits,
    should_stop: Callable[[], bool],
    experiment: "Experiment | None",
) -> int:
    """What there is to do, if there is anything; returns the exit code."""
    if done := succeeded(folder, reporter.status):  # its last worker was killed before it could say so
        folder.write_status(done)
        return 0
    if folder.checkpoint.exists():
        raise PeftClassroomError(
            "The folder of this run holds a checkpoint that is not its result; delete the run and start a new one."
        )
    check_limits(spec.config, limits)
    if spec.config.data.own:
        check_texts(spec.config.data, read_texts(folder.path))
    if not should_stop():
        experiment = experiment or _experiment(spec.threads)
        events = experiment(spec.config, folder.path, should_stop, should_keep=folder.keep_flag.exists)
        summary = _watch(events, reporter, guard)
        if summary is not None:
            reporter.finish("succeeded", result=summary)
            return 0
        if not should_stop():
            raise RuntimeError("The experiment ended without a summary though nobody stopped it.")
    if guard.why is not None:
        reporter.finish("failed", message=f"{guard.why}; {_progress(folder)}.")
        return 1
    reporter.finish("cancelled", message=_why_stopped(folder))
    return 0


class _Reporter:
    """Puts progress on disk: every StepLog as a line, the status a few times a second and at every change of state."""

    def __init__(self, folder: RunFolder, status: RunStatus) -> None:
        self.folder = folder
        self.status = status
        self.last_write = time.monotonic()

    def log(self, event: "StepLog") -> None:
        if event.event == "start":
            self.folder.restart_metrics(event)
        elif event.event != "measuring":
            self.folder.append_metrics(event)
        if event.said:
            print(event.said, flush=True)
        before = self.status
        self.status = before.changed(
            state="running",
            phase=_phase(event, before),
            batch=event.done or 0,
            batches=event.of or 0,
            step=event.step,
            total_steps=event.total_steps,
            full_steps=event.full_steps or event.total_steps,
            seconds=event.seconds,
            remaining=event.remaining,
            device=event.device or before.device,
        )
        turned = (before.state, before.phase) != (self.status.state, self.status.phase)
        if turned or time.monotonic() - self.last_write >= _SECONDS_BETWEEN_STATUS_WRITES:
            self._write()

    def finish(self, state: str, **fields: Any) -> None:
        self.status = self.status.changed(state=state, batch=0, batches=0, remaining=None, **fields)
        self._write()

    def _write(self) -> None:
        self.folder.write_status(self.status)
        self.last_write = time.monotonic()


def _phase(event: "StepLog", before: RunStatus) -> "Phase":
    """What is going on; what has just been measured belongs to its measuring."""
    if event.event == "step":
        return "training"
    if event.event == "measuring":
        return "testing" if event.split == "test" and event.step == event.total_steps else "validating"
    return before.phase


def _watch(
    events: "Generator[StepLog, None, dict[str, Any] | None]", reporter: _Reporter, guard: Guard
) -> dict[str, Any] | None:
    """Report every event; what the generator returns in the end."""
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            return end.value
        guard.hear()
        reporter.log(event)


def _claim(store: RunStore, folder: RunFolder, job: OfJob | None) -> RunStatus:
    """Enter this process into the status, unless another one trains this run: the last guard against two at once."""
    with store.lock(timeout=60):
        status = folder.status()
        if status.finished:
            raise PeftClassroomError(f"Run {folder.id} has ended ({status.state}); resume it or start a new one.")
        if job and not job.owns(status):
            raise PeftClassroomError(f"Run {folder.id} is not this job's, {job.name}, but {status.job or 'nobody'}'s.")
        # The entered pid may be that of our parent: a virtual environment on Windows starts Python through a launcher.
        ours = status.pid in (os.getpid(), os.getppid())
        if not job and status.active and not ours and is_alive(status.pid, status.pid_created):
            raise PeftClassroomError(f"Run {folder.id} is being trained by process {status.pid}; wait or cancel it.")
        sweep(folder)  # what a killed worker of this run has left
        pid, created = identity()
        status = status.changed(state="starting", pid=pid, pid_created=created, message=None, result=None)
        folder.write_status(status)
        return status


def _experiment(threads: int | None) -> "Experiment":
    """The real thing. The number of threads (None: all cores) has to be in the environment before torch is imported."""
    if threads is not None:
        os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
    else:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        number = os.environ.setdefault("OMP_NUM_THREADS", str(cores))
        os.environ.setdefault("MKL_NUM_THREADS", number)
    with importing():
        from peft_core.training.experiment import run_experiment

    return partial(run_experiment, snapshots=True)


def _why_stopped(folder: RunFolder) -> str:
    asked = folder.cancel_flag.exists()
    who = "The run was cancelled" if asked else "The run was stopped together with the computer or its service"
    return f"{who}; {_progress(folder)}."


def _progress(folder: RunFolder) -> str:
    kept = "its progress is kept" if folder.resume_state.exists() else "it had no progress yet"
    return f"{kept}, resume it to go on"


def _in_a_sentence(error: Exception) -> str:
    """What a person can do about an error that nobody foresaw; mostly there is too little of something."""
    said = str(error).lower()
    if isinstance(error, MemoryError) or "allocate memory" in said or "out of memory" in said:
        return (
            "The computer has not enough memory for this run; choose shorter texts, a smaller base or another method."
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk of the server is full; delete runs that nobody needs, then resume this one."
    return f"The run stopped with an internal error ({type(error).__name__}); details are in log.txt."


def _lower_priority() -> None:
    """Leave processor and memory to the web pages; write no dump; on a crash in native code print where it was."""
    is_first_to_go()
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    if sys.platform != "win32":
        import resource

        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ValueError, OSError, AttributeError):  # no real stderr
        faulthandler.enable()


if __name__ == "__main__":
    sys.exit(main())
