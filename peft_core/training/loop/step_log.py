"""What a training run tells whoever watches it. No torch here.

The types have bounds: a line that was written on disk is read by them again (runs/metrics.py).
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

Event = Literal["start", "step", "measuring", "validation", "test", "note"]
Count = Annotated[int, Field(ge=0, le=10**9)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]  # of seconds, passes, reviews a second, a loss
Word = Annotated[str, Field(max_length=200)]
Sentences = Annotated[str, Field(max_length=1000)]


@dataclass(frozen=True)
class StepLog:
    """One thing that happened. `accuracy`, `low`, `high`, `n` belong to "validation" and "test".

    "measuring" says that batch `done` of `of` of a `split` has been answered, 0 at its beginning; "start", that `done`
    validations are behind it, and `step` steps. `total_steps` are those that are planned now, `full_steps` those that
    were asked for: a time limit may not allow all. `remaining`: seconds to the end of the run, the final test included;
    None as long as its pace is not known. "note" has something `said`: what a person ought to know of the run.
    """

    event: Event
    step: Count
    total_steps: Count
    epoch: Amount
    seconds: Amount
    full_steps: Count | None = None
    remaining: Amount | None = None
    split: Literal["validation", "test"] | None = None
    done: Count | None = None
    of: Count | None = None
    train_loss: Amount | None = None
    learning_rate: Amount | None = None
    examples_per_second: Amount | None = None
    accuracy: Share | None = None
    low: Share | None = None
    high: Share | None = None
    n: Count | None = None
    device: Word | None = None
    said: Sentences | None = None
