"""What a training run tells whoever watches it. No torch here."""

from dataclasses import dataclass
from typing import Literal

Event = Literal["start", "step", "measuring", "validation", "test"]


@dataclass(frozen=True)
class StepLog:
    """One thing that happened. `accuracy`, `low`, `high`, `n` belong to "validation" and "test".

    "measuring" says that batch `done` of `of` of a `split` has been answered, 0 at its beginning. `total_steps` are
    those that are planned now, `full_steps` those that were asked for: a time limit may not allow all. `remaining`:
    seconds to the end of the run, the final test included; None as long as its pace is not known.
    """

    event: Event
    step: int
    total_steps: int
    epoch: float
    seconds: float
    full_steps: int | None = None
    remaining: float | None = None
    split: Literal["validation", "test"] | None = None
    done: int | None = None
    of: int | None = None
    train_loss: float | None = None
    learning_rate: float | None = None
    examples_per_second: float | None = None
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    device: str | None = None
