"""Beside the training, in the same process: says every few seconds that it lives, and ends it when it takes too much.

The server limits what a run may ask for. What it takes is known only while it runs, and whoever wrote its `spec.json`
may not have asked the server; so the worker watches itself. A run over a limit is asked to stop, and saves its state;
one that does not stop is ended.

Memory is what is resident, looked at every second. A limit of the address space (RLIMIT_AS) does not fit: torch
reserves far more than it uses, and with CUDA the whole of the card's memory and the computer's.
"""

import math
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from peft_core.training.runs.folder import RunFolder
from peft_core.training.runs.process import memory_of_machine
from peft_core.training.runs.spec import Limits

SECONDS_BETWEEN_LOOKS = 1.0
LOOKS_BETWEEN_SIGNS = 3  # of life
LOOKS_BETWEEN_SIZES = 5  # of the folder
QUIET_SECONDS = 900.0  # without a step, a batch or any other news: a large model is downloaded in this time
GRACE_SECONDS = 60.0  # to save the state
MEMORY_SHARE = 0.8  # of the computer's memory, where no limit is set
_GB = 1e9


class Guard(threading.Thread):
    """Watches the run in `folder` as long as the `with` block lasts.

    `why`: None, or the sentence that says which limit the run is over. `give_up` is called where it does not stop.
    """

    def __init__(
        self,
        folder: RunFolder,
        limits: Limits,
        give_up: Callable[[str], None],
        *,
        seconds_between_looks: float = SECONDS_BETWEEN_LOOKS,
        grace: float = GRACE_SECONDS,
        quiet: float = QUIET_SECONDS,
    ) -> None:
        super().__init__(name="guard", daemon=True)
        self.folder, self.limits, self.give_up = folder, limits, give_up
        self.between, self.grace, self.quiet = seconds_between_looks, grace, quiet
        self.why: str | None = None
        self._asked = math.inf
        self._begun = self._news = time.monotonic()
        self._process = psutil.Process()
        self._over = threading.Event()

    def __enter__(self) -> "Guard":
        self._sign()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def hear(self) -> None:
        """Something has happened: the run is getting on."""
        self._news = time.monotonic()

    def run(self) -> None:
        looks = 0
        while not self._over.wait(self.between):
            looks += 1
            if looks % LOOKS_BETWEEN_SIGNS == 0:
                self._sign()
            if self.why is None:
                self.why = self._limit_passed(sizes=looks % LOOKS_BETWEEN_SIZES == 0)
                self._asked = time.monotonic()
            elif time.monotonic() - self._asked > self.grace:
                self.give_up(self.why)
                return

    def _sign(self) -> None:
        with suppress(OSError):  # the folder is gone, or the disk: the training will say so
            self.folder.alive_file.touch()

    def _limit_passed(self, sizes: bool) -> str | None:
        now, limits = time.monotonic(), self.limits
        if now - self._begun > limits.wall_seconds:
            return f"The run has taken longer than the {limits.wall_seconds:,.0f} seconds that one may take in all"
        if now - self._news > self.quiet:
            return f"The run has not got on for {self.quiet:,.0f} seconds"
        resident, allowed = self._process.memory_info().rss, allowed_memory(limits)
        if resident > allowed:
            return f"The run has taken more memory than the {allowed / _GB:,.1f} GB that one may take"
        if sizes and limits.run_gb is not None and size_of(self.folder.path) > limits.run_gb * _GB:
            return f"The run has taken more of the disk than the {limits.run_gb:,.1f} GB that one may take"
        return None


def allowed_memory(limits: Limits) -> float:
    """Bytes that a run may have resident."""
    return MEMORY_SHARE * memory_of_machine() if limits.memory_gb is None else limits.memory_gb * _GB


def size_of(folder: Path) -> int:
    """Bytes that the files in a folder take up; what is linked to is not counted."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(path, name)).st_size
    return total
