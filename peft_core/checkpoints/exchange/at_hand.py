"""Checkpoints to be asked, whoever wrote them: a foreign folder is read into a temporary one. No torch until then."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from peft_core.checkpoints.listing import CheckpointInfo, find_checkpoint, list_all
from peft_core.checkpoints.run_json import RECORD
from peft_core.files import temporary_folder


@contextmanager
def at_hand(
    names: Sequence[str], base: str | None = None, tell: Callable[[str], None] = lambda sentence: None
) -> Iterator[list[CheckpointInfo]]:
    """Each checkpoint by its listed name or by the path of its folder, ours or another library's.

    Args:
        base: where the base model lies, if not where the checkpoints say.
        tell: is given a sentence on every folder that another library wrote.

    Raises:
        PeftClassroomError: if there is none of a name, or it cannot be read; no temporary folder can be made for one.
    """
    there = list_all()
    listed = {each.name for each in (*there.usable, *there.damaged)}
    with ExitStack() as asked:
        yield [find_checkpoint(name) if name in listed else _one(name, base, asked, tell) for name in names]


def _one(name: str, base: str | None, asked: ExitStack, tell: Callable[[str], None]) -> CheckpointInfo:
    folder = Path(name)
    if not folder.is_dir() or (folder / RECORD).is_file():
        return find_checkpoint(name)
    from peft_core.checkpoints.exchange.importing import import_checkpoint

    temporary = temporary_folder("peft-classroom-")
    asked.callback(shutil.rmtree, temporary, ignore_errors=True)
    copy = temporary / "copy"
    record = import_checkpoint(folder, copy, base)
    for sentence in (record.why, *record.notes):
        tell(f"{folder.resolve().name}: {sentence}")
    return CheckpointInfo(name=folder.resolve().name, path=copy, record=record, shipped=False)
