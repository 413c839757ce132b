"""All runs of one folder: make, find, list, delete. The truth is on disk, so any process may ask."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from peft_core.errors import PeftClassroomError
from peft_core.files import writing
from peft_core.paths import runs_dir
from peft_core.reviews.own.stored import StoredTexts, check_texts, write_texts
from peft_core.training.runs.folder import RunFolder, RunStatus
from peft_core.training.runs.metrics import Metrics
from peft_core.training.runs.process import is_alive
from peft_core.training.runs.spec import RunSpec, check_run_id, is_run_id

_Stamp = tuple[tuple[int, int, int] | None, ...]


class BusyError(PeftClassroomError):
    """Somebody else is deciding about the runs at this moment."""


@dataclass(frozen=True)
class Run:
    """One run as it was on disk a moment ago."""

    spec: RunSpec
    status: RunStatus
    path: Path

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def checkpoint(self) -> Path | None:
        """The folder of the trained checkpoint, if the run succeeded."""
        folder = RunFolder(self.path).checkpoint
        return folder if self.status.state == "succeeded" and (folder / "run.json").is_file() else None


@dataclass(frozen=True)
class DamagedRun:
    """A folder in the place of a run that cannot be read, and why. `owner`: None where even that cannot be read."""

    id: str
    path: Path
    why: str
    owner: str | None


class RunStore:
    """The runs under `root` (default: `runs_dir()`)."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = Path(root or runs_dir()).resolve()
        self._root = str(self.root)  # for a list of thousands: joining paths takes longer than asking the system
        self._known: dict[str, tuple[_Stamp, Run | DamagedRun]] = {}

    def create(self, spec: RunSpec, texts: StoredTexts | None = None) -> Run:
        """Make the folder of a new, queued run. Making the same run twice is no mistake: it is made once.

        Args:
            texts: of the task own; they are kept in the folder, and go with it.

        Raises:
            PeftClassroomError: if another run has this id, the texts are not those of the run, or the folder cannot be
                written.
        """
        check_texts(spec.config.data, texts)
        folder = self.folder(spec.id)
        self._make_root()
        new = RunFolder(self.root / f".new-{spec.id}-{secrets.token_hex(4)}")
        try:
            with writing(self.root):
                new.path.mkdir()
            new.write_owner(spec.owner)
            new.write_spec(spec)
            if texts is not None:
                write_texts(new.path, texts)
            new.write_status(RunStatus(state="queued"))
            with writing(self.root):
                _rename_unless_there(new.path, folder.path)
        finally:
            shutil.rmtree(new.path, ignore_errors=True)
        run = self.read(spec.id)
        if run.spec != spec:
            raise PeftClassroomError(f"There is already another run {spec.id}; start again with a new one.")
        return run

    def read(self, run_id: str) -> Run:
        """The run called `run_id`.

        Raises:
            PeftClassroomError: if that is no id, or there is no such run, or its files are damaged.
        """
        folder = self.folder(run_id)
        return Run(folder.spec(), folder.status(), folder.path)

    def metrics(self, run_id: str) -> list[dict[str, Any]]:
        """The StepLogs of a run, oldest first."""
        return self.folder(run_id).metrics()

    def read_metrics(self, run_id: str) -> Metrics:
        """The same, and whether there was something else in the file."""
        return self.folder(run_id).read_metrics()

    def keep(self, run_id: str, kept: bool) -> None:
        """Mark a run, so that it is never collected, or take the mark away."""
        folder = self.folder(run_id)
        with writing(folder.path):
            if kept:
                folder.kept_file.touch()
                folder.leaving_file.unlink(missing_ok=True)
            else:
                folder.kept_file.unlink(missing_ok=True)

    def log_tail(self, run_id: str, max_bytes: int = 16_384) -> str:
        """The end of what its worker printed."""
        return self.folder(run_id).log_tail(max_bytes)

    def delete(self, run_id: str) -> None:
        """Remove a run with all its files, its checkpoint too; also one that is damaged.

        Raises:
            PeftClassroomError: if it waits or trains, or there is no such run.
        """
        with self.lock():
            self.remove(run_id)

    def remove(self, run_id: str) -> None:
        """The same for whoever holds the lock."""
        folder = self.folder(run_id)
        try:
            status = folder.status()
        except PeftClassroomError:
            if not _looks_like_a_run(folder.path):
                raise
        else:
            # one that cannot be read is never started, nor is its end noted
            if not status.finished and (self._readable(run_id) or is_alive(status.pid, status.pid_created)):
                raise PeftClassroomError("A run that waits or trains cannot be deleted; cancel it first.")
        gone = self.root / f".deleted-{run_id}-{secrets.token_hex(4)}"
        with writing(self.root):
            os.rename(folder.path, gone)  # at once, so that nobody meets half a run
        self._known.pop(run_id, None)
        shutil.rmtree(gone, ignore_errors=True)

    def folder(self, run_id: str) -> RunFolder:
        """The folder of `run_id`, which always lies directly in the folder of runs.

        Raises:
            PeftClassroomError: if that is no id, or a link stands in its place.
        """
        path = self.root / check_run_id(run_id)
        if path.is_symlink() or path.resolve().parent != self.root:
            raise PeftClassroomError(f"Run {run_id} is a link to another place, which is not followed; remove it.")
        return RunFolder(path)

    @contextmanager
    def lock(self, timeout: float = 10.0) -> Iterator[None]:
        """Hold the one lock under which it is decided what starts, for all threads and processes. Not reentrant.

        Raises:
            BusyError: if somebody else holds it for longer than `timeout` seconds.
        """
        self._make_root()
        lock = FileLock(self.root / ".lock")
        with writing(self.root):
            try:
                lock.acquire(timeout=timeout)
            except Timeout as error:  # an OSError too
                raise BusyError("The list of runs is busy; try again in a moment.") from error
        try:
            yield
        finally:
            lock.release()

    def _look_up(self, run_id: str) -> Run | DamagedRun | None:
        """What lies under this name. What has ended is read once, until a file changes: pages ask again and again."""
        path = f"{self._root}{os.sep}{run_id}"
        status = _stamp(f"{path}{os.sep}status.json")
        known = self._known.get(run_id)
        if known and known[0][0] == status and isinstance(known[1], Run):  # what was asked never changes
            return known[1]
        stamp = (status, _stamp(f"{path}{os.sep}spec.json"))
        if known and known[0] == stamp:
            return known[1]
        if stamp == (None, None):
            return None
        try:
            found: Run | DamagedRun = self.read(run_id)
        except PeftClassroomError as error:
            if not _looks_like_a_run(Path(path)):  # deleted at this moment
                return None
            found = DamagedRun(run_id, Path(path), str(error), self._owner(run_id))
        if isinstance(found, DamagedRun) or found.status.finished:
            self._known[run_id] = (stamp, found)
        return found

    def _owner(self, run_id: str) -> str | None:
        """Whose a damaged run is: as its spec says, or else the file beside it."""
        with suppress(PeftClassroomError):
            return self.folder(run_id).spec().owner
        return self.folder(run_id).owner()

    def _readable(self, run_id: str) -> bool:
        with suppress(PeftClassroomError):
            return bool(self.read(run_id))
        return False

    def _names(self) -> list[str]:
        with suppress(OSError), os.scandir(self.root) as entries:
            return [entry.name for entry in entries if is_run_id(entry.name) and entry.is_dir(follow_symlinks=False)]
        return []

    def _make_root(self) -> None:
        with writing(self.root):
            self.root.mkdir(parents=True, exist_ok=True)

    def _all(self) -> Iterator[Run | DamagedRun]:
        names = self._names()
        for gone in set(self._known) - set(names):
            self._known.pop(gone, None)
        for run_id in names:
            if found := self._look_up(run_id):
                yield found

    def damaged(self, owner: str | None = None) -> "list[DamagedRun]":
        """The folders that should be runs and cannot be read, newest first; only those of `owner`, if one is given."""
        found = [run for run in self._all() if isinstance(run, DamagedRun) and owner in (None, run.owner)]
        return sorted(found, key=lambda run: run.id, reverse=True)

    # Stands last: below this line, `list` in the body of the class would be this method.
    def list(self, owner: str | None = None) -> list[Run]:
        """Every run that can be read, or those of one owner, newest first."""
        mine = [run for run in self._all() if isinstance(run, Run) and owner in (None, run.spec.owner)]
        return sorted(mine, key=lambda run: (run.spec.created, run.id), reverse=True)


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        about = os.lstat(path)
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size, about.st_ino


def _looks_like_a_run(folder: Path) -> bool:
    """Whether it was meant to be one: other folders that lie among the runs are nobody's business."""
    return any(os.path.lexists(folder / name) for name in ("spec.json", "status.json"))


def _rename_unless_there(new: Path, path: Path) -> None:
    try:
        os.rename(new, path)
    except OSError:
        if not path.is_dir():
            raise
