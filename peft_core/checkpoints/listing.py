"""Which checkpoints there are: shipped ones, and those of training runs. No torch here."""

from collections.abc import Iterable
from pathlib import Path

from peft_core.checkpoints.record import RECORD, RunRecord, read_record
from peft_core.errors import PeftClassroomError
from peft_core.paths import SHIPPED_CHECKPOINTS, runs_dir
from peft_core.validated import Frozen


class CheckpointInfo(Frozen):
    """A row of the list of checkpoints."""

    name: str
    path: Path
    record: RunRecord
    shipped: bool

    @property
    def method(self) -> str:
        return self.record.config.method.method

    @property
    def base(self) -> str:
        return self.record.config.base


def list_checkpoints(extra: Iterable[Path] = ()) -> list[CheckpointInfo]:
    """Shipped checkpoints, then trained ones, newest first. Folders that are no checkpoints are passed over.

    Shipped checkpoints with default settings come first, lowest seed first: pages start with the first entry.
    """
    shipped = [p.parent for p in sorted(SHIPPED_CHECKPOINTS.glob(f"*/{RECORD}"))]
    trained = sorted((p.parent for p in runs_dir().glob(f"*/checkpoint/{RECORD}")), reverse=True)
    rows = []
    for folder in (*shipped, *trained, *extra):
        try:
            record = read_record(folder)
        except PeftClassroomError:  # damaged: it cannot be chosen, and opening it by path says why
            continue
        is_shipped = folder.parent == SHIPPED_CHECKPOINTS
        name = folder.name if is_shipped or folder.name != "checkpoint" else folder.parent.name
        rows.append(CheckpointInfo(name=name, path=folder, record=record, shipped=is_shipped))
    return sorted(rows, key=_place)


def _place(info: CheckpointInfo) -> tuple[int, ...]:
    """Sort key of the list; the sort is stable."""
    config = info.record.config
    return (0, config.method != type(config.method)(), config.train.seed) if info.shipped else (1,)


def find_checkpoint(name_or_path: str) -> CheckpointInfo:
    """A checkpoint by its listed name or by the path of its folder.

    Raises:
        PeftClassroomError: if there is none; the sentence says which exist.
    """
    known = list_checkpoints()
    for info in known:
        if info.name == name_or_path:
            return info
    folder = Path(name_or_path)
    if folder.is_dir():
        return CheckpointInfo(name=folder.name, path=folder, record=read_record(folder), shipped=False)
    names = ", ".join(info.name for info in known) or "none yet"
    raise PeftClassroomError(f"There is no checkpoint {name_or_path!r}. Known: {names}; or give a folder's path.")
