"""`run.json`: what a checkpoint is and how it was made. Reading and listing checkpoints needs no torch."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from peft_core.configs import RunConfig, sentence
from peft_core.errors import PeftClassroomError
from peft_core.paths import ROOT, SHIPPED_CHECKPOINTS, runs_dir

RECORD = "run.json"
MAX_RECORD_BYTES = 1_000_000


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Measured(_Part):
    """An accuracy with its 95% Wilson interval on `n` reviews of `split`."""

    split: Literal["validation", "test"]
    accuracy: float
    low: float
    high: float
    n: int


class RunRecord(_Part):
    """The content of `run.json`. Everything in it was measured or chosen; nothing is estimated."""

    format: Literal[1] = 1
    name: str
    config: RunConfig
    learning_rate: float
    base_fingerprint: str
    data_fingerprint: str
    split_sizes: dict[str, int]
    trainable_parameters: int
    total_parameters: int
    steps: int
    planned_steps: int
    stopped_by: Literal["epochs", "max_seconds"]
    best_step: int
    untrained: Measured
    validation: Measured
    test: Measured
    validations: tuple[tuple[int, float], ...]
    seconds: float
    examples_per_second: float | None
    device: str
    precision: str
    created: str
    versions: dict[str, str]


class CheckpointInfo(_Part):
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


def read_record(folder: Path) -> RunRecord:
    """The record of the checkpoint in `folder`.

    Raises:
        PeftClassroomError: if the folder is no checkpoint, or its record is damaged.
    """
    path = folder / RECORD
    if not path.is_file():
        raise PeftClassroomError(f"{folder} is not a checkpoint: it has no {RECORD}. `checkpoints` lists all.")
    if path.stat().st_size > MAX_RECORD_BYTES:
        raise PeftClassroomError(f"{path} is larger than any {RECORD}; restore the file or train again.")
    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise PeftClassroomError(f"{path} is damaged: {sentence(error)} Restore the file or train again.") from error


def list_checkpoints(extra: Iterable[Path] = ()) -> list[CheckpointInfo]:
    """Shipped checkpoints by name, then trained ones, newest first. Folders that are no checkpoints are passed over."""
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
    return rows


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


def display_path(path: Path) -> str:
    """Relative to the project where possible."""
    resolved = path.resolve()
    return str(resolved.relative_to(ROOT)) if resolved.is_relative_to(ROOT) else str(path)


def write_record(record: RunRecord, folder: Path) -> None:
    (folder / RECORD).write_text(json.dumps(record.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n")
