"""Which process trains a run, is it alive, and how to end it: pid and creation time together name one process.

A pid alone does not: the system gives it to another program after the first has ended.
"""

import os
import signal
from contextlib import suppress

import psutil

# Linux derives the creation time from the clock of the machine, which may be corrected by a moment meanwhile.
_CLOCK_SLACK_SECONDS = 2.0


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
