"""What became of a run whose process is gone: its result, or why there is none, and what it left lying about."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from peft_core.errors import PeftClassroomError
from peft_core.training.runs.folder import RunFolder, RunStatus

_HALF_WRITTEN = (".checkpoint-",)  # a checkpoint that was being published (checkpoints/files.py)
_FULL_BYTES = 5_000_000  # what is free is too little to save a state
_FILES = ("spec.json", "texts.json", "status.json", "metrics.jsonl")  # being replaced as `.NAME.…` (files.py)


def result_of(folder: RunFolder) -> dict[str, Any] | None:
    """The summary of the run, if a whole checkpoint of this very run is there; else None.

    It is published in one rename, and last of all: where it is, the run has succeeded, whatever was still to be said.
    """
    if not (folder.checkpoint / "run.json").is_file():
        return None
    from peft_core.checkpoints.run_json import read_run  # numpy; a server asks for it anyway
    from peft_core.training.summary import summary

    try:
        record = read_run(folder.checkpoint)
        return summary(record, folder.checkpoint) if record.config == folder.spec().config else None
    except (PeftClassroomError, OSError):  # damaged, of another run, or deleted at this moment
        return None


def succeeded(folder: RunFolder, status: RunStatus) -> RunStatus | None:
    """What the worker would have written, had it lived a moment longer; None if there is no result."""
    result = result_of(folder)
    if result is None:
        return None
    folder.resume_state.unlink(missing_ok=True)
    return status.changed(state="succeeded", result=result, message=None, batch=0, batches=0, remaining=None)


def gone(folder: RunFolder, status: RunStatus, code: int | None, out_of_memory: bool) -> RunStatus:
    """The final status of a run whose process is gone without a last word.

    Args:
        code: the exit code of the process, or minus the signal that ended it; None: not known here.
        out_of_memory: whether the system ended a process for lack of memory since this one was started.
    """
    if found := succeeded(folder, status):
        return found
    ended = {"batch": 0, "batches": 0, "remaining": None}
    if folder.cancel_flag.exists():
        message = f"The run was cancelled and ended before it could save where it was; {_go_on(folder)}."
        return status.changed(state="cancelled", message=message, **ended)
    why = _disk_is_full(folder) or _why(status, code, out_of_memory)
    message = f"The training process is gone without a result: {why}; {_go_on(folder)}."
    return status.changed(state="lost", message=message, **ended)


def silent(folder: RunFolder, status: RunStatus, seconds: float) -> RunStatus:
    """The final status of a run whose process was ended because it gave no sign of life for so long."""
    if found := succeeded(folder, status):
        return found
    message = f"The training process gave no sign of life for {seconds:.0f} seconds and was ended; {_go_on(folder)}."
    return status.changed(state="lost", message=message, batch=0, batches=0, remaining=None)


def _go_on(folder: RunFolder) -> str:
    return f"resume it to go on from {'the last saved state' if folder.resume_state.exists() else 'the beginning'}"


def _disk_is_full(folder: RunFolder) -> str | None:
    with suppress(OSError):
        if shutil.disk_usage(folder.path).free < _FULL_BYTES:
            return "the disk of the server is full"
    return None


def _why(status: RunStatus, code: int | None, out_of_memory: bool) -> str:
    """What is known, and no more."""
    if code is not None and code < 0:
        if -code == signal.SIGKILL and out_of_memory:
            return "it was killed (SIGKILL), and the system has ended a process for lack of memory since it was started"
        return f"it was ended by a signal ({_name(-code)}) that did not come from here"
    if code is not None:
        return f"it ended by itself (exit code {code}); log.txt in the folder of the run may say why"
    if _started_again_since(status.heartbeat):
        return "the computer, or the container that it ran in, was started again meanwhile"
    return "why is not known, because it was not this server that had started it"


def _name(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"number {number}"


def _started_again_since(time: float) -> bool:
    began = psutil.boot_time()
    with suppress(psutil.Error):
        began = max(began, psutil.Process(1).create_time())
    return began > time


def killed_for_memory() -> int | None:
    """How many processes the system has ended for lack of memory since it was started; None where it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)


def sweep(folder: RunFolder) -> None:
    """Remove what killed workers left half written. For whoever knows that no process works in this folder."""
    for path in _left(folder.path):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()


def _left(folder: Path) -> Iterator[Path]:
    prefixes = (*_HALF_WRITTEN, *(f".{name}." for name in _FILES))
    for name in _names(folder):
        if name.startswith(prefixes) or name == "state.tmp":
            yield folder / name
    for name in _names(folder / "snapshots"):
        if name.startswith("."):
            yield folder / "snapshots" / name


def _names(folder: Path) -> list[str]:
    with suppress(OSError):
        return os.listdir(folder)
    return []
