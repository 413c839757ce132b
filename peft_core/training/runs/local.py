"""Runs on this machine: one subprocess each, a few at a time, the others wait their turn.

Nothing here waits or watches. Every decision is made while holding the lock of the store, from what is on disk, by
whoever calls `submit`, `cancel`, `resume` or `reconcile`; so several threads, several servers and a server that was
started again all come to the same one.
"""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from peft_core.errors import PeftClassroomError
from peft_core.reviews.own.stored import StoredTexts
from peft_core.training.runs.aftermath import gone, killed_for_memory, silent, succeeded, sweep
from peft_core.training.runs.folder import RunFolder, RunStatus
from peft_core.training.runs.orders import Orders, read_orders, smaller
from peft_core.training.runs.process import detached, end, identity, is_alive
from peft_core.training.runs.queue import check_room, in_turn
from peft_core.training.runs.spare import hand_over
from peft_core.training.runs.spec import CLASSROOM_LIMITS, Limits, RunSpec, check_limits
from peft_core.training.runs.store import BusyError, Run, RunStore
from peft_core.training.runs.upkeep import Collection, Upkeep, check_disk

_WORKER = (sys.executable, "-m", "peft_core.training.runs.worker")


class LocalBackend:
    """Starts workers as subprocesses.

    Args:
        store: where the runs are.
        max_running: how many train at a time; they share the cores.
        max_queued_per_owner: how many of one owner may wait.
        max_queued: how many may wait altogether.
        cancel_grace: seconds that a cancelled run has to stop by itself, before it is told by SIGTERM.
        kill_grace: seconds after that, before it is killed.
        hung_after: seconds without a sign of life, watched by this server's own clock, before a worker is killed.
        max_running_per_owner: how many of one owner train at a time; None: as many as there are places.
        limits: what one run may ask for, and what one owner may have on the disk.
        collection: which old runs are removed; None: what the environment says.
        command: what starts a worker; the folder of the run is added as the last argument, or "--spare".

    `keep_spare`, False at first: whether one worker is kept ready while nothing trains or waits (spare.py). `trouble`:
    a sentence, if the last look at the runs found something that keeps it from its work.
    """

    def __init__(
        self,
        store: RunStore,
        max_running: int = 1,
        max_queued_per_owner: int = 2,
        *,
        max_queued: int = 100,
        cancel_grace: float = 20.0,
        kill_grace: float = 10.0,
        hung_after: float = 120.0,
        max_running_per_owner: int | None = None,
        collection: Collection | None = None,
        limits: Limits = CLASSROOM_LIMITS,
        command: Sequence[str] = _WORKER,
    ) -> None:
        self.store = store
        self.max_running = max_running
        self.max_queued_per_owner = max_queued_per_owner
        self.max_running_per_owner = max_running_per_owner
        self.max_queued = max_queued
        self.cancel_grace = cancel_grace
        self.kill_grace = kill_grace
        self.hung_after = hung_after
        self.limits = limits
        self.command = tuple(command)
        self.upkeep = Upkeep(store, Collection.from_environment() if collection is None else collection)
        self.keep_spare = False
        self.trouble: str | None = None
        self._told: str | None = None
        self._spare: subprocess.Popen | None = None  # this and the next are touched under the lock only
        self._children: list[subprocess.Popen] = []
        self._killed_before: dict[int, int | None] = {}  # by pid, and so are the next
        self._codes: dict[int, int] = {}
        self._signs: dict[str, tuple[object, float]] = {}  # by id: the last sign of life, and when it was first seen

    def orders(self) -> Orders:
        """What the teacher has ordered for all runs of this folder."""
        return read_orders(self.store.root)

    @property
    def places(self) -> int:
        """How many may train now: as the server was started, unless the teacher ordered fewer, or none."""
        return self.orders().at_once(self.max_running)

    def submit(self, spec: RunSpec, texts: StoredTexts | None = None) -> None:
        """Take a run and start it, or let it wait. Submitting it again changes nothing.

        Args:
            texts: of the task own.

        Raises:
            PeftClassroomError: if it asks for too much, its texts are not there, or too many wait already.
        """
        check_limits(spec.config, self.orders().limits(self.limits))
        with self.store.lock():
            if not self.store.folder(spec.id).path.exists():
                self._check_room(spec.owner)
            self.store.create(spec, texts)
            self._advance()

    def cancel(self, run_id: str) -> None:
        """Stop a run: at once if it waits, otherwise as soon as it sees the flag. A finished one stays as it is."""
        with self.store.lock():
            folder = self.store.folder(run_id)
            status = folder.status()
            if status.queued:
                folder.write_status(status.changed(state="cancelled", message="The run was cancelled while it waited."))
            elif status.active:
                folder.request_cancel()
                self._settle(folder)

    def keep(self, run_id: str) -> None:
        """Let a run finish now: its best weights so far are tested and published. A finished one stays as it is.

        Raises:
            PeftClassroomError: if it has not trained yet, so that there is nothing to keep.
        """
        with self.store.lock():
            folder = self.store.folder(run_id)
            status = folder.status()
            if not status.finished and not status.step:
                raise PeftClassroomError("This run has not trained yet: there is nothing to keep. Cancel it instead.")
            if status.active:
                folder.request_keep()

    def resume(self, run_id: str) -> None:
        """Go on with a run that was cancelled, failed or got lost: from its saved state, or from the beginning.

        Raises:
            PeftClassroomError: if it is not such a run, asks for too much, or too many wait already.
        """
        with self.store.lock():
            run = self.store.read(run_id)
            if not run.status.resumable:
                raise PeftClassroomError(
                    f"This run is {run.status.state}; only one that was cancelled, failed or got lost can be resumed."
                )
            folder = RunFolder(run.path)
            if done := succeeded(folder, run.status):  # its worker was killed before it could say so
                folder.write_status(done)
                return
            check_limits(run.spec.config, self.orders().limits(self.limits))
            self._check_room(run.spec.owner)
            folder.withdraw_cancel()
            progress = {name: getattr(run.status, name) for name in ("step", "total_steps", "full_steps", "seconds")}
            folder.write_status(RunStatus(state="queued", **progress))
            self._advance()

    def reconcile(self) -> None:
        """Take note of what ended, press what should stop, start what waits. Does nothing if another one is at it.

        Nothing that is wrong with the folder of runs is raised: pages ask at every view. `trouble` says it.
        """
        if not (self.store.root.is_dir() or self.keep_spare):
            return
        try:
            with self.store.lock(timeout=0):
                self._advance()
        except BusyError:
            return
        except PeftClassroomError as error:
            self._tell(str(error))

    def queue_position(self, run_id: str) -> int | None:
        """1 for the run that starts next; None for one that does not wait."""
        waiting = [run.id for run in in_turn(self.store.list())]
        return waiting.index(run_id) + 1 if run_id in waiting else None

    def ahead_of(self, run_id: str) -> list[Run]:
        """The runs that train now, and those that wait and start before this one."""
        runs = self.store.list()
        waiting = in_turn(runs)
        place = next((place for place, run in enumerate(waiting) if run.id == run_id), 0)
        return [*(run for run in runs if run.status.active), *waiting[:place]]

    @property
    def spare_pid(self) -> int | None:
        """The process that is ready for a run, if there is one."""
        return self._spare and self._spare.pid

    # What follows expects the lock to be held.

    def _advance(self) -> None:
        """Bring every run up to date and fill the free places. One that cannot be brought up to date hurts no other."""
        # A cancelled child may still be saving its state while its run is resumed by another.
        self._note_children()
        trouble = None
        runs, training = self.store.list(), Counter()
        active = [run for run in runs if run.status.active]
        for run in active:
            try:
                training[run.spec.owner] += self._settle(RunFolder(run.path))
            except PeftClassroomError as error:
                trouble = str(error)
        places = self.places
        free = places - training.total()
        for run in in_turn(self.store.list() if active else runs):
            most = places if self.max_running_per_owner is None else self.max_running_per_owner
            if free > 0 and training[run.spec.owner] < most:
                try:
                    started = self._start(RunFolder(run.path))
                except PeftClassroomError as error:
                    trouble, started = str(error), False
                training[run.spec.owner] += started
                free -= started
        self._mind_spare(idle=free == places)
        self.upkeep.look()
        self._tell(trouble)

    def _tell(self, trouble: str | None) -> None:
        """Say what is wrong here, or no more what was; what others have said stays."""
        if trouble or self.trouble == self._told:
            self.trouble = trouble
        self._told = trouble

    def _note_children(self) -> None:
        """Polling takes note of a child's end, or it would stay as a zombie."""
        self._codes |= {child.pid: child.returncode for child in self._children if child.poll() is not None}
        self._children = [child for child in self._children if child.returncode is None]

    def _mind_spare(self, idle: bool) -> None:
        """Start a spare worker when nothing trains: while something does, it would take the processor from it."""
        if self._spare is not None and self._spare.poll() is not None:
            self._spare.stdin.close()
            self._spare, self.keep_spare = None, False  # the next would die the same way; a run's log says why
        if self.keep_spare and idle and self._spare is None:
            options = detached() | {"stdin": subprocess.PIPE, "bufsize": 0}
            with suppress(OSError):  # then the next run says so
                self._spare = subprocess.Popen([*self.command, "--spare"], stdout=subprocess.DEVNULL, **options)

    def _settle(self, folder: RunFolder) -> bool:
        """Adopt a run whose process lives, pressing it if it should stop; find the final state of any other.

        Returns:
            Whether it takes up a place.
        """
        status = folder.status()
        cancelled = folder.seconds_since_cancel()
        if is_alive(status.pid, status.pid_created):
            if cancelled is not None and cancelled > self.cancel_grace:
                end(status.pid, status.pid_created, force=cancelled > self.cancel_grace + self.kill_grace)
            elif self._silent(folder, status):
                end(status.pid, status.pid_created, force=True)
                status = folder.status()
                if status.active:
                    folder.write_status(silent(folder, status, self.hung_after))
                return False
            return True
        self._signs.pop(folder.id, None)
        status = folder.status()  # again: it may have written its last word just before it ended
        if not status.active:
            return False
        if status.pid is None:  # a server was killed while it was starting it
            folder.write_status(status.changed(state="queued"))
            return False
        self._note_children()
        sweep(folder)
        before, now = self._killed_before.pop(status.pid, None), killed_for_memory()
        short = before is not None and now is not None and now > before
        folder.write_status(gone(folder, status, self._codes.pop(status.pid, None), short))
        return False

    def _silent(self, folder: RunFolder, status: RunStatus) -> bool:
        """Whether its worker has not shown for too long that it lives. Of clocks only that of this server counts."""
        sign, now = (status.heartbeat, folder.seen_alive()), time.monotonic()
        last, since = self._signs.get(folder.id, (None, now))
        if last != sign:
            self._signs[folder.id] = (sign, now)
            return False
        return now - since > self.hung_after

    def _start(self, folder: RunFolder) -> bool:
        """Start the worker of a queued run and enter it into the status; the worker waits for the lock meanwhile."""
        status = folder.status().changed(state="starting")
        folder.write_status(status)  # where that is not possible, no process is started
        try:
            child = self._take_spare(folder)
            if child is None:
                with open(folder.log, "ab") as log:
                    child = subprocess.Popen([*self.command, str(folder.path)], stdout=log, **detached())
        except OSError as error:
            message = f"The training process could not be started ({error.strerror}); look at the server, then resume."
            folder.write_status(status.changed(state="failed", message=message))
            return False
        self._children.append(child)
        self._codes.pop(child.pid, None)
        self._killed_before[child.pid] = killed_for_memory()
        pid, created = identity(child.pid)
        folder.write_status(status.changed(pid=pid, pid_created=created))
        return True

    def _take_spare(self, folder: RunFolder) -> subprocess.Popen | None:
        """The spare worker with this run, if there is one that may have it; its threads were set before it knew."""
        if self._spare is None or folder.spec().threads is not None:
            return None
        spare, self._spare = self._spare, None
        if hand_over(spare, folder.path):
            return spare
        self._children.append(spare)  # to be taken note of
        return None

    def _check_room(self, owner: str) -> None:
        self._advance()
        check_disk(self.store.root)
        self.upkeep.check_owner(owner, self.limits.owner_gb)
        per_owner = smaller(self.orders().max_queued_per_owner, self.max_queued_per_owner)
        check_room(self.store.list(), owner, self.places, per_owner, self.max_queued)
