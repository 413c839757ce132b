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
from peft_core.training.runs.spec import RunSpec, check_run_id

_Stamp = tuple[int, int, int]


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


class RunStore:
    """The runs under `root` (default: `runs_dir()`)."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = Path(root or runs_dir()).resolve()
        self._finished: dict[str, tuple[_Stamp, Run]] = {}

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
            new.write_spec(spec)
            if texts is not None:
                write_texts(new.path, texts)
            new.write_status(RunStatus())
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

    def log_tail(self, run_id: str, max_bytes: int = 16_384) -> str:
        """The end of what its worker printed."""
        return self.folder(run_id).log_tail(max_bytes)

    def delete(self, run_id: str) -> None:
        """Remove a run with all its files, its checkpoint too.

        Raises:
            PeftClassroomError: if it waits or trains, or there is no such run.
        """
        folder = self.folder(run_id)
        with self.lock():
            if not folder.status().finished:
                raise PeftClassroomError("A run that waits or trains cannot be deleted; cancel it first.")
            gone = self.root / f".deleted-{run_id}-{secrets.token_hex(4)}"
            with writing(self.root):
                os.rename(folder.path, gone)  # at once, so that nobody meets half a run
        self._finished.pop(run_id, None)
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

    def _look_up(self, run_id: str) -> Run:
        """Like `read`, but a finished run is read once: many pages ask for the list again and again."""
        try:
            file = os.stat(self.root / run_id / "status.json")
        except OSError:
            return self.read(run_id)
        stamp = (file.st_mtime_ns, file.st_size, file.st_ino)
        known = self._finished.get(run_id)
        if known and known[0] == stamp:
            return known[1]
        run = self.read(run_id)
        if run.status.finished:
            self._finished[run_id] = (stamp, run)
        return run

    def _names(self) -> list[str]:
        try:
            return [entry.name for entry in os.scandir(self.root) if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return []

    def _make_root(self) -> None:
        with writing(self.root):
            self.root.mkdir(parents=True, exist_ok=True)

    # Stands last: below this line, `list` in the body of the class would be this method.
    def list(self, owner: str | None = None) -> list[Run]:
        """Every run, or those of one owner, newest first. What is not a whole run is passed over."""
        runs = []
        for run_id in self._names():
            with suppress(PeftClassroomError):
                runs.append(self._look_up(run_id))
        mine = [run for run in runs if owner is None or run.spec.owner == owner]
        return sorted(mine, key=lambda run: (run.spec.created, run.id), reverse=True)


def _rename_unless_there(new: Path, path: Path) -> None:
    try:
        os.rename(new, path)
    except OSError:
        if not path.is_dir():
            raise
