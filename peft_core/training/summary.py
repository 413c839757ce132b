"""What is said of a finished run in a few numbers, all of them from its record. No torch here."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from peft_core.training.loop.step_log import Amount, Share

if TYPE_CHECKING:
    from peft_core.checkpoints.record import RunRecord

Difference = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]


@dataclass(frozen=True)
class _Summary:
    """What can be in it, and within which bounds: the status of a run has it on disk."""

    checkpoint: Annotated[str, Field(max_length=4096)] | None = None
    trainable_parameters: Annotated[int, Field(ge=0, le=10**12)] | None = None
    validation_accuracy: Share | None = None
    test_accuracy: Share | None = None
    untrained_test_accuracy: Share | None = None
    change: tuple[Difference, Difference, Difference] | None = None
    made_worse: bool | None = None
    stopped_by: Literal["epochs", "max_seconds", "person"] | None = None
    seconds: Amount | None = None
    examples_per_second: Amount | None = None


_BOUNDS = TypeAdapter(_Summary)


def check_summary(found: dict[str, Any]) -> dict[str, Any]:
    """`found`, without what no summary has. pydantic's errors go to whoever validates."""
    known = {name: value for name, value in found.items() if name in _Summary.__dataclass_fields__}
    _BOUNDS.validate_python(known)
    return known


def summary(record: "RunRecord", checkpoint: Path) -> dict[str, Any]:
    """The summary of the run that left `checkpoint`."""
    before = record.untrained_test
    return {
        "checkpoint": str(checkpoint),
        "trainable_parameters": record.trainable_parameters,
        "validation_accuracy": record.validation.accuracy,
        "test_accuracy": record.test.accuracy,
        "untrained_test_accuracy": None if before is None else before.accuracy,
        "change": record.change,
        "made_worse": record.made_worse,
        "stopped_by": record.stopped_by,
        "seconds": record.seconds,
        "examples_per_second": record.examples_per_second,
    }
