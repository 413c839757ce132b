"""`run.json`: what a checkpoint is and how it was made. Reading and listing checkpoints needs no torch."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from peft_core.config import RunConfig
from peft_core.errors import PeftClassroomError
from peft_core.files import write_atomic
from peft_core.statistics.intervals import Accuracy
from peft_core.validated import Frozen, read_json

RECORD = "run.json"
MAX_RECORD_BYTES = 1_000_000  # 25,000 probabilities, the largest test split, are about 300,000

Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


Split = Literal["validation", "test"]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Measured(Accuracy):
    """An accuracy on reviews of `split`."""

    split: Split

    @classmethod
    def of(cls, split: Split, measured: Accuracy) -> "Measured":
        return cls(**vars(measured), split=split)


class RunRecord(Frozen):
    """The content of `run.json`. Everything in it was measured or chosen; nothing is estimated.

    `test_probabilities` is p("positive") of every test review, in the order of the split. Older records have none.
    `test_curve` has the test accuracy at the steps of `validations`, where a run was asked for it. It chose nothing.
    """

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
    test_curve: tuple[tuple[int, float], ...] | None = None
    seconds: float
    examples_per_second: float | None
    device: str
    precision: str
    created: str
    versions: dict[str, str]
    test_probabilities: tuple[Probability, ...] | None = None

    @model_validator(mode="after")
    def _tests_fit_together(self) -> "RunRecord":
        # not a ValueError: pydantic's message would repeat the whole record
        if self.test_probabilities is not None and len(self.test_probabilities) != self.test.n:
            raise PeftClassroomError(
                f"test_probabilities has {len(self.test_probabilities):,} values for {self.test.n:,} test reviews."
            )
        if self.test_curve is not None and [s for s, _ in self.test_curve] != [s for s, _ in self.validations]:
            raise PeftClassroomError("test_curve and validations were not measured at the same steps.")
        return self


def read_record(folder: Path) -> RunRecord:
    """The record of the checkpoint in `folder`.

    Raises:
        PeftClassroomError: if the folder is no checkpoint, or its record is damaged.
    """
    path = folder / RECORD
    if not path.is_file():
        raise PeftClassroomError(f"{folder} is not a checkpoint: it has no {RECORD}. `checkpoints` lists all.")
    return read_json(path, RunRecord, "Restore the file or train again.", MAX_RECORD_BYTES)


def weights_digest(folder: Path) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of a checkpoint's weights: two equal runs have equal ones.

    Raises:
        PeftClassroomError: if there is no weights file.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise PeftClassroomError(f"{folder.name} has no weights. Restore the file or train again.")
    with files[0].open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def write_record(record: RunRecord, folder: Path) -> None:
    """Write `run.json`, or replace it: a reader sees the old file or the new one. All probabilities are on one line."""
    data = record.model_dump(mode="json")
    probabilities = data.pop("test_probabilities")
    text = json.dumps(data, indent=2, ensure_ascii=False)
    if probabilities is not None:
        text = text.removesuffix("\n}") + f',\n  "test_probabilities": {json.dumps(probabilities)}\n}}'
    write_atomic(folder / RECORD, text + "\n")
