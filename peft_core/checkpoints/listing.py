"""Which checkpoints there are: shipped ones, and those of training runs. No torch here."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from peft_core.checkpoints.record import AdoptedRecord, Record, RunRecord, only_runs
from peft_core.checkpoints.run_json import RECORD, read_record
from peft_core.errors import PeftClassroomError
from peft_core.paths import SHIPPED_CHECKPOINTS, display_path, runs_dir
from peft_core.validated import Frozen

OF_A_RUN = {"checkpoint": "", "checkpoint-last": "-last"}  # folders in that of a run → what its id is followed by


class CheckpointInfo(Frozen):
    """A row of the list of checkpoints."""

    name: str
    path: Path
    record: Record
    shipped: bool

    @property
    def method(self) -> str:
        return self.record.method.method

    @property
    def base(self) -> str:
        return self.record.base

    @property
    def task(self) -> str:
        """Which task it has learned: `Learned.task_key`."""
        return self.record.learned.task_key

    @property
    def why(self) -> str:
        """Why it has no figures of a run; empty if it has."""
        return self.record.why if isinstance(self.record, AdoptedRecord) else ""


@dataclass(frozen=True)
class Damaged:
    """A folder that has a record and cannot be used, and why."""

    name: str
    path: Path
    why: str


@dataclass(frozen=True)
class Listing:
    """All that there is. `runs`: whose weights their own run measured. `adopted`: others that can be asked as well."""

    runs: tuple[CheckpointInfo, ...]
    adopted: tuple[CheckpointInfo, ...]
    damaged: tuple[Damaged, ...]

    @property
    def usable(self) -> tuple[CheckpointInfo, ...]:
        return (*self.runs, *self.adopted)


def list_all(extra: Iterable[Path] = ()) -> Listing:
    """Shipped checkpoints, then trained ones, newest first; folders without a record are passed over.

    Shipped checkpoints with default settings come first, lowest seed first: pages start with the first entry.
    """
    shipped = [p.parent for p in sorted(SHIPPED_CHECKPOINTS.glob(f"*/{RECORD}"))]
    of_runs = (p.parent for folder in OF_A_RUN for p in runs_dir().glob(f"*/{folder}/{RECORD}"))
    trained = sorted(of_runs, key=lambda folder: folder.parent.name, reverse=True)
    found, damaged = [], []
    for folder in (*shipped, *trained, *extra):
        is_shipped = folder.parent == SHIPPED_CHECKPOINTS
        of_run = None if is_shipped else OF_A_RUN.get(folder.name)
        name = folder.name if of_run is None else folder.parent.name + of_run
        try:
            found.append(CheckpointInfo(name=name, path=folder, record=_read(folder), shipped=is_shipped))
        except PeftClassroomError as error:
            damaged.append(Damaged(name, folder, str(error)))
    found.sort(key=_place)
    return Listing(
        runs=tuple(info for info in found if isinstance(info.record, RunRecord)),
        adopted=tuple(info for info in found if isinstance(info.record, AdoptedRecord)),
        damaged=tuple(damaged),
    )


def _read(folder: Path) -> Record:
    """The record, as long as no file of the folder changes: the app lists every two seconds, and a seal takes 2 ms."""
    try:
        with os.scandir(folder) as files:
            stats = sorted((file.name, file.stat()) for file in files)
    except OSError:
        return read_record(folder)  # which says what is wrong
    return _read_as_of(folder, tuple((name, s.st_mtime_ns, s.st_size, s.st_ino) for name, s in stats))


@lru_cache(maxsize=256)  # what cannot be read is not kept: it is an exception
def _read_as_of(folder: Path, stamps: tuple[tuple[str, int, int, int], ...]) -> Record:
    return read_record(folder)


def list_checkpoints(extra: Iterable[Path] = (), task: str = "reviews") -> list[CheckpointInfo]:
    """The checkpoints of one task whose figures are those of a run: what is compared, drawn and reported."""
    return [info for info in list_all(extra).runs if info.task == task]


def _place(info: CheckpointInfo) -> tuple[int, ...]:
    """Sort key of the list; the sort is stable."""
    if not info.shipped or not isinstance(info.record, RunRecord):
        return (1,)
    method = info.record.method
    return 0, method != type(method)(), info.record.config.train.seed


def find_checkpoint(name_or_path: str | Path) -> CheckpointInfo:
    """A checkpoint by its listed name or by the path of its folder.

    Raises:
        PeftClassroomError: if there is none, or two are meant; the sentence says which exist.
    """
    listed, folder, name = list_all(), Path(name_or_path), str(name_or_path)
    named = [each for each in (*listed.usable, *listed.damaged) if each.name == name]
    if named and folder.is_dir() and folder.resolve() != named[0].path.resolve():
        raise PeftClassroomError(
            f"{name!r} is a checkpoint in the list and a folder here. Write ./{name} for the folder, or "
            f"{display_path(named[0].path)} for the one in the list."
        )
    if named:
        if isinstance(named[0], Damaged):
            raise PeftClassroomError(named[0].why)
        return named[0]
    if folder.is_dir():
        return CheckpointInfo(name=folder.resolve().name, path=folder, record=read_record(folder), shipped=False)
    names = ", ".join(info.name for info in listed.usable) or "none yet"
    raise PeftClassroomError(f"There is no checkpoint {name!r}. Known: {names}; or give a folder's path.")


def find_run(name_or_path: str | Path) -> CheckpointInfo:
    """The same for a checkpoint whose figures are those of a run.

    Raises:
        PeftClassroomError: as `find_checkpoint`, and if it has no such figures; it says why, and what to do.
    """
    info = find_checkpoint(name_or_path)
    only_runs(info.record, str(name_or_path))
    return info
