"""A spare worker: a process that has imported all that a run needs, and waits to be told which run to train.

Python, torch and transformers are half of the time from a click to the first step. So a server that trains nothing
keeps one worker ready. Its run comes as one line on its standard input; the end of that input means that the server is
gone, and ends the spare, too. Once it has its run it is a worker like any other, and outlives the server.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from peft_core.training.runs.folder import RunFolder


def hand_over(spare: subprocess.Popen, run_dir: Path) -> bool:
    """The server gives the spare its run, once. False if the spare has ended and trains nothing."""
    if spare.poll() is not None:
        return False
    try:
        with spare.stdin as line:
            line.write(f"{json.dumps(str(run_dir))}\n".encode())
    except OSError:  # it ended a moment ago
        return False
    return True


def await_run() -> Path | None:
    """The spare waits for the folder of its run and writes into its log from then on; None when the server is gone."""
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):
        return None
    run_dir = Path(json.loads(line))
    _redirect(0, os.devnull, os.O_RDONLY)
    write_into(RunFolder(run_dir).log)
    return run_dir


def write_into(log: Path) -> None:
    """From now on, all that this process prints goes to the end of `log`."""
    for output in (1, 2):
        _redirect(output, log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def _redirect(descriptor: int, path: str | Path, flags: int) -> None:
    opened = os.open(path, flags, 0o644)
    os.dup2(opened, descriptor)
    os.close(opened)
