"""Which process trains a run, is it alive, and how to end it: pid and creation time together name one process.

A pid alone does not: the system gives it to another program after the first has ended.
"""

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from peft_core.paths import IMPORTED_FROM, ROOT

# Linux derives the creation time from the clock of the machine, which may be corrected by a moment meanwhile.
_CLOCK_SLACK_SECONDS = 2.0
WORKER_ENVIRONMENT = {
    "PYTHONUNBUFFERED": "1",
    "PYTHONIOENCODING": "utf-8",
    "TOKENIZERS_PARALLELISM": "true",  # a worker never forks: reading its reviews takes a third less
    "OMP_WAIT_POLICY": "PASSIVE",  # spinning threads of two processes on the same cores cost each other tenfold
    "GOMP_SPINCOUNT": "0",  # the server lets its threads spin for a moment; a worker's have no use for it
}


@contextmanager
def importing() -> Iterator[None]:
    """Import large libraries in a fifth less time: no search for garbage among a million objects that all stay."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def identity(pid: int | None = None) -> tuple[int, float | None]:
    """(pid, creation time) of a process, by default of this one; no time if it is gone already."""
    pid = os.getpid() if pid is None else pid
    try:
        return pid, psutil.Process(pid).create_time()
    except psutil.Error:
        return pid, None


def is_alive(pid: int | None, created: float | None) -> bool:
    """Whether exactly this process still runs. One that has ended and waits for its parent (a zombie) does not."""
    if pid is None or created is None:
        return False
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - created) <= _CLOCK_SLACK_SECONDS
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def memory_of_machine() -> int:
    """Bytes that there are: of the computer, or of the container that it all runs in, if that has fewer."""
    total = psutil.virtual_memory().total
    with suppress(OSError, ValueError):  # "max": no limit
        return min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return total


def is_first_to_go() -> None:
    """Where memory is short, let Linux end this process, and not the server that shows the pages."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800")


def end(pid: int | None, created: float | None, *, force: bool) -> None:
    """Ask the process to end (SIGTERM), or end it (SIGKILL), with its whole group where it leads one."""
    if not is_alive(pid, created):
        return
    with suppress(ProcessLookupError, PermissionError, psutil.Error):
        if hasattr(os, "killpg") and os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL if force else signal.SIGTERM)
        elif force:
            psutil.Process(pid).kill()
        else:
            psutil.Process(pid).terminate()


def detached() -> dict[str, object]:
    """Popen arguments of a process that outlives the server and does not hear its Ctrl-C."""
    python_path = os.pathsep.join(filter(None, [str(IMPORTED_FROM), os.environ.get("PYTHONPATH")]))
    settings = WORKER_ENVIRONMENT | {"PYTHONPATH": python_path}
    arguments = {"cwd": ROOT, "env": os.environ | settings, "stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return arguments | {"creationflags": flags}
    return arguments | {"start_new_session": True}
