"""Checkpoints that a visitor has brought along, as zip files: theirs alone, and gone when their session ends."""

import shutil
import uuid
import weakref
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

import streamlit as st

from app.services.models import exclusive_predictor, listing
from app.services.runs import own_first
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.checkpoints.record import Record, RunRecord
from peft_core.files import temporary_folder
from peft_core.methods.registry import method_label
from peft_core.reviews.config import REVIEWS, Learned

if TYPE_CHECKING:
    from peft_core.checkpoints.exchange.inspecting import Inspection

MOST = 4  # open at the same time; the oldest makes room
_KEY = "opened checkpoints"


@dataclass
class _Opened:
    """What lies in the session's own folder, which is removed with the session."""

    folder: Path = field(default_factory=lambda: temporary_folder("opened-"))
    infos: dict[str, CheckpointInfo] = field(default_factory=dict)

    def __post_init__(self) -> None:
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)


def askable(task: str = REVIEWS.task_key) -> tuple[CheckpointInfo, ...]:
    """Of one task: this browser's own runs, shipped and trained ones, those that no run has left as they are, what was
    opened.
    """
    return own_first(info for info in (*listing().usable, *opened()) if info.task == task)


def tasks() -> dict[str, Learned]:
    """The tasks that there are checkpoints of, by `task_key`: the film reviews first, own texts last."""
    found = {info.task: info.record.learned for info in (*listing().usable, *opened())}
    order = ("reviews", "lie", "own")
    return dict(sorted(found.items(), key=lambda item: order.index(item[1].task)))


def opened() -> tuple[CheckpointInfo, ...]:
    """The checkpoints that this session has opened."""
    kept: _Opened | None = st.session_state.get(_KEY)
    return tuple(kept.infos.values()) if kept else ()


def open_zip(content: IO[bytes], base: str | None, alpha: float | None) -> tuple["Inspection", str | None]:
    """What is in the zip; and, if it can be read, the name under which it can be asked from now on.

    Args:
        base: name of its base model, where it names none that is known here.
        alpha: of a loralib file, which does not hold it.

    Raises:
        PeftClassroomError: if the file is none that is let in; too many people ask the models at the moment.
    """
    from peft_core.checkpoints.exchange.importing import save_adopted
    from peft_core.checkpoints.exchange.inspecting import inspect
    from peft_core.checkpoints.exchange.zipped import unpack
    from peft_core.checkpoints.run_json import read_record

    kept: _Opened = st.session_state.setdefault(_KEY, _Opened())
    name = f"opened-{uuid.uuid4().hex[:8]}"  # what is kept for all sessions goes by names: no two are alike
    arrived, folder = (kept.folder / f"{name}{ending}" for ending in ("-zip", ""))
    unpack(content, arrived)
    with ExitStack() as line:

        def backbone_of(wanted: str):
            return line.enter_context(exclusive_predictor(wanted)).backbone

        said, adopted = inspect(arrived, base, alpha, folders=False, backbone_of=backbone_of)
        if adopted is not None and said.readable:
            save_adopted(adopted, folder)
    if not said.readable:
        shutil.rmtree(arrived)
        return said, None
    folder = arrived if adopted is None else folder
    record = _told(read_record(folder), said.base)
    kept.infos[name] = CheckpointInfo(name=name, path=folder, record=record, shipped=False)
    while len(kept.infos) > MOST:
        shutil.rmtree(kept.infos.pop(next(iter(kept.infos))).path, ignore_errors=True)
    return said, name


def _told(record: Record, base: str) -> Record:
    """The record without words of its own: what a visitor wrote is neither shown as a name nor looked for as a path."""
    if isinstance(record, RunRecord):
        config = record.config.model_copy(update={"base": base})
        return record.model_copy(update={"name": method_label(record.method), "config": config})
    return record.model_copy(update={"base": base})
