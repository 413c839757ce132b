"""The folder of runs is kept in order: what killed processes left, what old runs take up, what an owner may still take.

Nothing is collected that nobody was told of: a run that is to go is marked first (`leaving`), the pages say when it
goes, and until then it can be kept. A run that is kept, waits or trains is never collected.
"""

import os
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from peft_core.errors import PeftClassroomError
from peft_core.files import writing
from peft_core.training.runs.folder import RunFolder
from peft_core.training.runs.guard import size_of
from peft_core.training.runs.store import DamagedRun, Run, RunStore

RESERVE_GB = 0.3
NOTICE_SECONDS = 86_400.0  # between the mark and the end
SECONDS_BETWEEN_LOOKS = 60.0
_OLD_SECONDS = 600.0  # the folder of a new run is filled within a moment
_DAY, _GB = 86_400.0, 1e9


@dataclass(frozen=True)
class Collection:
    """What is collected: runs that ended so many days ago, and of all that lies there the oldest beyond so many GB.

    None: nothing is, for this reason.
    """

    days: float | None = None
    gigabytes: float | None = None
    notice_seconds: float = NOTICE_SECONDS

    @property
    def on(self) -> bool:
        """Whether anything is collected."""
        return self.days is not None or self.gigabytes is not None

    @classmethod
    def from_environment(cls) -> "Collection":
        """PEFT_KEEP_DAYS and PEFT_KEEP_GB; without them nothing is collected.

        Raises:
            PeftClassroomError: if one is no number above 0.
        """
        return cls(*(_number(name) for name in ("PEFT_KEEP_DAYS", "PEFT_KEEP_GB")))


def check_disk(root: Path) -> None:
    """See that the disk has room for a run.

    Raises:
        PeftClassroomError: if it has less than RESERVE_GB left.
    """
    with suppress(OSError):  # the folder is not made yet: whoever makes it will say what is wrong
        free = shutil.disk_usage(root).free / _GB
        if free < RESERVE_GB:
            raise PeftClassroomError(
                f"The disk of this server has {free:.2f} GB left, too little for a run; delete runs that nobody needs."
            )


def _number(variable: str) -> float | None:
    asked = os.environ.get(variable)
    if asked is None:
        return None
    try:
        found = float(asked)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise PeftClassroomError(f"{variable} must be a number above 0, not {asked!r}.")
    return found


class Upkeep:
    """Looks after one store, now and then. Whoever calls holds the store's lock."""

    def __init__(self, store: RunStore, collection: Collection) -> None:
        self.store, self.collection = store, collection
        self._looked = -float("inf")
        self._sizes: dict[str, tuple[float, int]] = {}

    def look(self) -> None:
        """Tidy up and collect, if that was not done a moment ago."""
        if time.monotonic() - self._looked < SECONDS_BETWEEN_LOOKS:
            return
        self._looked = time.monotonic()
        self.tidy()
        self.collect()

    def tidy(self) -> None:
        """Remove what was being made or deleted by processes that are gone."""
        with suppress(OSError), os.scandir(self.store.root) as entries:
            for entry in entries:
                new = entry.name.startswith(".new-") and _age(entry) > _OLD_SECONDS
                if (new or entry.name.startswith(".deleted-")) and entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)

    def collect(self) -> None:
        """Mark what is to go, take the mark from what is not, and remove what was marked long enough ago."""
        if not self.collection.on:
            return
        ended = [run for run in self.store.list() if run.status.finished]
        due = {run.id for run in self._due([*ended, *self.store.damaged()])}
        for run in (*ended, *self.store.damaged()):
            folder = RunFolder(run.path)
            with suppress(PeftClassroomError):  # one that cannot be written hurts no other
                if run.id not in due:
                    with writing(folder.path):
                        folder.leaving_file.unlink(missing_ok=True)
                elif folder.leaving is None:
                    with writing(folder.path):
                        folder.leaving_file.touch()
                elif time.time() - folder.leaving >= self.collection.notice_seconds:
                    self.store.remove(run.id)

    def _due(self, runs: Iterable[Run | DamagedRun]) -> Iterable[Run | DamagedRun]:
        """Those that may go and are too old, or the oldest of too many; how old: since when nothing happened to it."""
        aged = sorted((last_change(run), run.id, run) for run in runs if not RunFolder(run.path).kept)
        days, most = self.collection.days, self.collection.gigabytes
        over = 0.0 if most is None else sum(self.size(run) for run in self.store.list()) - most * _GB
        for changed, _, run in aged:
            too_old = days is not None and time.time() - changed > days * _DAY - self.collection.notice_seconds
            if too_old or (most is not None and over > 0):
                over -= self.size(run)
                yield run

    def size(self, run: Run | DamagedRun) -> int:
        """Bytes of a run's folder; measured once after it has ended."""
        changed = last_change(run)
        known = self._sizes.get(run.id)
        if known is None or known[0] != changed:
            known = self._sizes[run.id] = (changed, size_of(run.path))
        return known[1]

    def check_owner(self, owner: str, gigabytes: float | None) -> None:
        """See that what an owner has on the disk leaves room for another run.

        Raises:
            PeftClassroomError: if it does not.
        """
        if gigabytes is None:
            return
        taken = sum(self.size(run) for run in self.store.list(owner)) / _GB
        if taken >= gigabytes:
            raise PeftClassroomError(
                f"Your runs take up {taken:.1f} GB, and one person may have {gigabytes:.1f} GB here; delete one."
            )


def last_change(run: Run | DamagedRun) -> float:
    """Unix time of a run's last news; of a damaged one, of its files (its folder changes when it is marked)."""
    if isinstance(run, Run):
        return run.status.heartbeat
    latest = 0.0
    for name in ("spec.json", "status.json"):
        with suppress(OSError):
            latest = max(latest, (run.path / name).lstat().st_mtime)
    return latest


def _age(entry: os.DirEntry) -> float:
    with suppress(OSError):
        return time.time() - entry.stat(follow_symlinks=False).st_mtime
    return 0.0
