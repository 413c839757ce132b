"""What a worker minds that a cluster started: it may be one too many, and its folder lies on a disk that may go away.

A node that was cut off, and whose run went on elsewhere, comes back with its worker still training. A run knows its
job: a worker of another one writes nothing more, and ends. While the folder is away a worker waits; what it was just
about to write then is lost, so it ends, and the cluster has it again from the last saved state.
"""

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from peft_core.errors import PeftClassroomError
from peft_core.training.runs.folder import RunFolder, RunStatus
from peft_core.training.runs.spare import write_into

JOB = "PEFT_CLASSROOM_JOB"  # its name, in the environment of the worker
INTERRUPTED = 75  # exit code: nothing is wrong with the run, and it may be tried again (EX_TEMPFAIL of sysexits.h)
PATIENCE = 120.0  # seconds that a folder may be away
_LOOK_EVERY = 0.5


class SupersededError(Exception):
    """The run is another job's by now."""


@dataclass(frozen=True)
class OfJob:
    """The job that a worker is: `name` as in the run's status, if it is the one whose turn it is."""

    name: str
    folder: RunFolder
    patience: float = PATIENCE

    def owns(self, status: RunStatus) -> bool:
        """Whether the run is this job's."""
        return status.active and status.job == self.name

    @property
    def folder_is_there(self) -> bool:
        """Whether the shared disk shows the folder."""
        return os.path.isdir(self.folder.path)  # an error of the disk counts as no

    def await_folder(self, stop_requested: Callable[[], bool] = lambda: False) -> bool:
        """Wait until the folder is there; False if it stays away, or a stop is wished meanwhile."""
        deadline = time.monotonic() + self.patience
        while not self.folder_is_there:
            if stop_requested() or time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_EVERY)
        return True

    def write_log(self) -> None:
        """From now on what is printed goes into the log of the run; before, it goes to the cluster's."""
        with suppress(OSError):  # the disk went again: then the cluster has the log
            write_into(self.folder.log)

    def mind(self, stop_requested: Callable[[], bool]) -> None:
        """Between two steps: wait while the folder is away, and see that the run is still this job's.

        Raises:
            SupersededError: if it is not.
        """
        if not self.folder_is_there and self.await_folder(stop_requested):
            print("The shared folder was away and is back.", file=sys.stderr)
        try:
            status = self.folder.status()
        except PeftClassroomError:  # away again: the next look waits
            return
        if not self.owns(status):
            raise SupersededError(f"Run {self.folder.id} is {status.state}, and no longer that of job {self.name}.")


def job_of(folder: RunFolder) -> OfJob | None:
    """The job that this process is; None: no cluster started it."""
    name = os.environ.get(JOB)
    return OfJob(name, folder, PATIENCE) if name else None
