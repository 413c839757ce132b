"""Runs on a Ray cluster: the very worker command of this machine, handed over as a job.

Whose turn it is, is decided here, from what is on disk, as for runs on one machine: Ray keeps no order among jobs that
wait, knows no owners, and forgets them with its head. So it gets as many as its nodes have room for, and no more.

How a run is, its folder says: its worker writes there several times a second. The cluster is asked only of a run that
has fallen silent. A run whose machine went, or that the cluster forgot, goes on elsewhere from its last saved state.
"""

import os
import secrets
import time
from collections.abc import Sequence
from typing import Any

from peft_core.errors import PeftClassroomError
from peft_core.paths import display_path
from peft_core.training.runs.aftermath import gone, silent, succeeded
from peft_core.training.runs.cluster.job import INTERRUPTED, JOB
from peft_core.training.runs.cluster.jobs import STOP_SECONDS, ClusterError, Job, RayJobs, RefusedError
from peft_core.training.runs.cluster.settings import RaySettings
from peft_core.training.runs.folder import RunFolder, RunStatus
from peft_core.training.runs.local import LocalBackend
from peft_core.training.runs.process import WORKER_ENVIRONMENT
from peft_core.training.runs.spec import LIMIT_VARIABLES
from peft_core.training.runs.store import RunStore

INTERRUPTIONS = 3  # so often a run goes on elsewhere by itself
_ROOM_SECONDS = 5.0  # between two questions how large the cluster is
_AWAY_SECONDS = 15.0  # and between two whether it answers again


class SharedStore(RunStore):
    """Runs in a folder that other machines share: where it is away, it is not made anew on this machine's own disk."""

    def _make_root(self) -> None:
        if not self.root.is_dir():
            raise PeftClassroomError(
                f"The shared folder of runs is not there ({display_path(self.root)}). Is its disk mounted? "
                "Try again in a moment."
            )


class RayBackend(LocalBackend):
    """Starts workers as jobs of a Ray cluster.

    Args:
        store: where the runs are, on a disk that every node mounts at the same place.
        ask_after: seconds without a sign of life of a run, after which the cluster is asked.
        forgotten: seconds without one, of a run that the cluster does not know, after which it goes on elsewhere.
        command: what starts a worker on a node.
        others: as of `LocalBackend`.
    """

    def __init__(
        self,
        store: SharedStore,
        settings: RaySettings,
        *,
        ask_after: float = 6.0,
        forgotten: float = 30.0,
        command: Sequence[str] | None = None,
        **others: Any,
    ) -> None:
        command = command or (settings.python, "-m", "peft_core.training.runs.worker")
        super().__init__(store, max_running=settings.running or 0, command=command, **others)
        self.settings, self.jobs = settings, RayJobs(settings)
        self.ask_after, self.forgotten = ask_after, forgotten
        self._news: dict[str, tuple[object, float]] = {}  # run → its last sign of life, and when we first saw that
        self._asked: dict[str, float] = {}
        self._no_answer: ClusterError | None = None  # while the cluster is away
        self._look_again_at = 0.0

    # What follows expects the lock to be held.

    def _advance(self) -> None:
        self._look_for_room()
        super()._advance()

    def _tell(self, trouble: str | None) -> None:
        super()._tell(str(self._no_answer) if self._no_answer else trouble)

    def _mind_spare(self, idle: bool) -> None:
        """None is kept: which node it should wait on, nobody knows."""

    def _look_for_room(self) -> None:
        """See how many runs may be there at a time; none, while the cluster does not answer."""
        if time.monotonic() < self._look_again_at:
            return
        try:
            self.jobs.check_guarded()
            room = self.jobs.room()
        except ClusterError as error:
            self._is_away(error)
            return
        self.max_running, self._no_answer = self.settings.running or room, None
        self._look_again_at = time.monotonic() + _ROOM_SECONDS

    def _is_away(self, error: ClusterError) -> None:
        """Ask nothing for a while: whoever asks holds the lock, and waits."""
        self.max_running, self._no_answer = 0, error
        self._look_again_at = time.monotonic() + _AWAY_SECONDS

    def _settle(self, folder: RunFolder) -> bool:
        """Press a run that should stop; find out what became of one that says nothing.

        Returns:
            Whether it takes up a place.
        """
        status = folder.status()
        if not status.active:
            return False
        cancelled = folder.seconds_since_cancel()
        pressing = cancelled is not None and (status.pid is None or cancelled > self.cancel_grace)
        quiet = self._quiet_for(folder, status)
        if self._no_answer or not (pressing or (quiet >= self.ask_after and self._may_ask(folder.id))):
            return True
        hangs = status.pid is not None and quiet > self.hung_after
        try:
            job = self.jobs.find(status.job) if status.job else None
            if job is not None and not job.ended:
                if pressing or hangs:
                    self.jobs.stop(status.job)
                if not hangs and not (pressing and status.pid is None):
                    return True
        except ClusterError as error:
            self._is_away(error)
            return True
        if job is None and cancelled is None and quiet < self.forgotten:
            return True  # its worker may be well, and only the cluster's head is new
        status = folder.status()  # again: it may have written its last word just before it ended
        if not status.active:
            return False
        if hangs and job is not None and not job.ended:
            folder.write_status(silent(folder, status, self.hung_after))
            return False
        if cancelled is not None and status.pid is None:
            folder.write_status(status.changed(state="cancelled", message="The run was cancelled while it waited."))
            return False
        return self._after_the_end(folder, status, job)

    def _after_the_end(self, folder: RunFolder, status: RunStatus, job: Job | None) -> bool:
        """Go on elsewhere if the machine or the disk went; otherwise say what became of the run."""
        interrupted = job is None or job.lost_its_node or job.driver_exit_code == INTERRUPTED
        if interrupted and not folder.cancel_flag.exists():
            if done := succeeded(folder, status):
                folder.write_status(done)
                return False
            if status.interruptions < INTERRUPTIONS:
                return self._start(folder, status.interruptions + 1)
            message = (
                f"The run was interrupted {INTERRUPTIONS + 1} times: its machine or the shared folder was gone. "
                "Resume it when the cluster is well."
            )
            folder.write_status(status.changed(state="lost", message=message))
            return False
        folder.write_status(gone(folder, status, job and job.driver_exit_code, out_of_memory=False))
        return False

    def _start(self, folder: RunFolder, interruptions: int = 0) -> bool:
        """Hand a run to the cluster. Its job has a new name each time, which its worker has to know (job.py)."""
        before = folder.status()
        if self._no_answer:
            return before.active
        name = f"{folder.id}-{secrets.token_hex(4)}"
        started = before.changed(state="starting", job=name, pid=None, pid_created=None, interruptions=interruptions)
        folder.write_status(started)
        try:
            self.jobs.submit(name, [*self.command, str(folder.path)], self._environment(name))
        except ClusterError as error:  # it may have been taken: as a job of another name its worker then ends at once
            self._is_away(error)
            folder.write_status(before)
            return before.active
        except RefusedError as error:
            folder.write_status(started.changed(state="failed", job=None, message=str(error)))
            return False
        return True

    def _environment(self, name: str) -> dict[str, str]:
        """What a worker on a node is told beside its folder."""
        told = {JOB: name, STOP_SECONDS: str(int(self.kill_grace))}
        told |= {name: os.environ[name] for name in LIMIT_VARIABLES if os.environ.get(name)}
        return WORKER_ENVIRONMENT | self.settings.environment | told

    def _quiet_for(self, folder: RunFolder, status: RunStatus) -> float:
        """Seconds since this run gave a new sign of life, by the clock of this machine alone: a node's may be wrong."""
        now, sign = time.monotonic(), (status.job, status.state, status.heartbeat, folder.seen_alive())
        known = self._news.get(folder.id)
        if known is None or known[0] != sign:
            self._news[folder.id] = (sign, now)
            return 0.0
        return now - known[1]

    def _may_ask(self, run_id: str) -> bool:
        """Not again and again: a run that waits for a node says nothing for long."""
        now = time.monotonic()
        if now - self._asked.get(run_id, -self.ask_after) < self.ask_after:
            return False
        self._asked[run_id] = now
        return True
