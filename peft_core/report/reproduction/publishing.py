"""Copy finished checkpoints of a table to where they are shipped from, under their names. Loading them needs torch."""

import shutil
import tempfile
from pathlib import Path

from peft_core.checkpoints.run_json import RECORD, read_record, weights_digest
from peft_core.errors import PeftClassroomError
from peft_core.files import make_writable, writing
from peft_core.report.reproduction.plan import Table, find_folders


def publish(table: Table, work: Path, destination: Path) -> list[str]:
    """Put the finished ones of `table.shipped` into `destination`; returns the names of those that were put there.

    Each is copied beside its place, loaded over its base model, and only then renamed. One of the same name that is
    there already is replaced, unless it is the same.

    Raises:
        PeftClassroomError: if a checkpoint cannot be loaded, or something else than a checkpoint has its name. It
            changes nothing of that name; those before it are published.
    """
    from peft_core.checkpoints.files import load_checkpoint
    from peft_core.t5.backbone import load_backbone

    folders = find_folders(work)
    backbone = load_backbone(table.settings.base)
    published = []
    for name in table.shipped:
        source = folders.get(table.planned[name], work / name) / "checkpoint"
        target = destination / name
        if not (source / RECORD).is_file() or _same(source, target):
            continue
        if target.exists() and not (target / RECORD).is_file():
            raise PeftClassroomError(f"{target} is no checkpoint and is left alone. Remove it or publish elsewhere.")
        make_writable(destination)
        with writing(destination), tempfile.TemporaryDirectory(prefix=f".{name}-", dir=destination) as temporary:
            copy, old = Path(temporary) / "new", Path(temporary) / "old"
            shutil.copytree(source, copy)
            load_checkpoint(copy, backbone)
            if target.exists():
                target.rename(old)
            try:
                copy.rename(target)
            except OSError:
                if old.exists():
                    old.rename(target)
                raise
        published.append(name)
    return published


def _same(source: Path, target: Path) -> bool:
    try:
        return (read_record(source), weights_digest(source)) == (read_record(target), weights_digest(target))
    except PeftClassroomError:  # there is none, or it is damaged
        return False
