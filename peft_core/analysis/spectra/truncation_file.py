"""`truncation.json`: what a checkpoint answers when its ΔW is cut to rank k. Reading it needs no torch.

`python -m peft_core truncate CHECKPOINT --evaluate --store` measures it and puts it beside the weights.
"""

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from peft_core.checkpoints.run_json import read_record, weights_digest
from peft_core.errors import PeftClassroomError
from peft_core.files import write_atomic
from peft_core.statistics.intervals import Accuracy, wilson
from peft_core.validated import Frozen, read_json

TRUNCATION = "truncation.json"
MAX_BYTES = 2_000_000  # 25,000 reviews, the largest test split, and a dozen ranks are about 300,000


class Answers(Frozen):
    """Which of the n reviews a model has right."""

    right: str = Field(description="a 1 for every review that is answered right, a 0 for every other, in their order")

    @property
    def is_right(self) -> np.ndarray:
        """The same as booleans, shape (n,)."""
        return np.array(list(self.right)) == "1"

    @property
    def accuracy(self) -> Accuracy:
        """With its 95% Wilson interval."""
        return wilson(self.right.count("1"), len(self.right))


class TruncatedAnswers(Answers):
    """With every ΔW cut to `rank`."""

    rank: int = Field(ge=0)
    energy: float = Field(ge=0, le=1, description="share of the squared norm of all ΔW that is left")


class Truncation(Frozen):
    """The content of `truncation.json`: one test of one checkpoint at several ranks, always on the same reviews."""

    format: Literal[1] = 1
    weights: str = Field(description="digest of the weights file that was measured")
    record_created: str = Field(description="when its run ended: `created` of run.json")
    split: Literal["test"] = "test"
    test_size: int | None = Field(description="reviews that were asked for, half of each label; none: all of the split")
    n: int = Field(ge=1)
    data_fingerprint: str = Field(description="of the reviews and labels")
    precision: str
    device: str
    created: str = Field(description="UTC, ISO 8601")
    versions: dict[str, str]
    max_rank: int = Field(ge=1, description="of the largest matrix; at this rank nothing is cut")
    base: Answers = Field(description="the base model, before any training")
    points: tuple[TruncatedAnswers, ...] = Field(min_length=1)
    untruncated: Answers = Field(description="the checkpoint as it is")

    @model_validator(mode="after")
    def _consistent(self) -> "Truncation":
        # not ValueErrors: pydantic's message would repeat the whole file
        for answers in (self.base, *self.points, self.untruncated):
            if len(answers.right) != self.n or set(answers.right) - {"0", "1"}:
                raise PeftClassroomError(f"“right” has to be {self.n:,} digits, each 0 or 1.")
        ranks = [point.rank for point in self.points]
        if ranks != sorted(set(ranks)) or ranks[-1] > self.max_rank:
            raise PeftClassroomError(f"The ranks have to rise, up to {self.max_rank}.")
        return self

    def at(self, rank: int) -> TruncatedAnswers | None:
        """What was measured at `rank`; None if it was not."""
        return next((point for point in self.points if point.rank == rank), None)


def read_truncation(folder: Path) -> Truncation:
    """What was measured of the checkpoint in `folder`.

    Raises:
        PeftClassroomError: if nothing was, the file is damaged, or it was made for other weights than those beside it.
    """
    path = folder / TRUNCATION
    again = f"measure it: `python -m peft_core truncate {folder.name} --evaluate --store`."
    if not path.is_file():
        raise PeftClassroomError(f"{folder.name} has no {TRUNCATION} yet; {again}")
    truncation = read_json(path, Truncation, f"Remove it and {again}", MAX_BYTES)
    if (truncation.weights, truncation.record_created) != (weights_digest(folder), read_record(folder).created):
        raise PeftClassroomError(
            f"{path} was measured with other weights than those in {folder.name}. Remove it and {again}"
        )
    return truncation


def write_truncation(truncation: Truncation, folder: Path) -> None:
    """Write `truncation.json`, or replace it: a reader sees the old file or the new one."""
    write_atomic(folder / TRUNCATION, truncation.model_dump_json(indent=2) + "\n")
