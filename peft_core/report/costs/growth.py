"""How costs grow, as plain data: `benchmarks/results/growth.json`. Reading it needs no torch.

`python -m benchmarks.growth` writes the file, one sweep at a time if asked; the app only quotes it. A sweep turns one
number and leaves everything else at one default setting.
"""

from collections.abc import Callable, Iterable
from math import log
from pathlib import Path
from statistics import median
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field

from peft_core.methods.method import Method, MethodConfig
from peft_core.methods.registry import METHODS, MethodField, method_of, what_costs
from peft_core.paths import RESULTS
from peft_core.report.costs.measured import Provenance, TrainingCost, load_report
from peft_core.validated import Frozen, one_of

GROWTH = RESULTS / "growth.json"
KNOBS: dict[str, Method] = {  # sweep along a method's own number → the method
    method.knob.sweep: method for method in METHODS.values() if method.knob
}
TRAINING_SWEEPS = (*KNOBS, "length", "batch")
TrainingSweepName = Annotated[str, AfterValidator(one_of(TRAINING_SWEEPS))]
ServingSweepName = Literal["checkpoints", "reviews"]
SweepName = str  # one of either kind


class ServingCost(Frozen):
    """Classifying with checkpoints of one method over one base model, as the Playground does. One entry a round."""

    base: str
    method: MethodField
    checkpoints: int = Field(ge=1, description="loaded, and asked one after another or together")
    reviews: int = Field(ge=1, description="asked of each of them, at most 192 tokens long")
    tensor_bytes: int = Field(description="of all tensors that exist, the base model's once")
    resident_bytes: tuple[int, ...] = Field(min_length=1, description="in use after the answers, minus libraries")
    seconds: tuple[float, ...] = Field(min_length=1, description="median of the round's timed answers")

    @property
    def resident(self) -> float:
        """Bytes: the median of the rounds."""
        return median(self.resident_bytes)

    @property
    def time(self) -> float:
        """Seconds until all are answered: the median of the rounds."""
        return median(self.seconds)


Row = TypeVar("Row", TrainingCost, ServingCost)


class TrainingSweep(Frozen):
    """Training steps along one number; `full` rows of a method's own number are there to compare with."""

    provenance: Provenance
    rows: tuple[TrainingCost, ...] = Field(min_length=1)


class ServingSweep(Frozen):
    """Answers along one number."""

    provenance: Provenance
    rows: tuple[ServingCost, ...] = Field(min_length=1)


class GrowthReport(Frozen):
    """The content of `growth.json`: each sweep with where it comes from, for they may be measured one by one."""

    format: Literal[1] = 1
    training: dict[TrainingSweepName, TrainingSweep] = Field(default_factory=dict)
    serving: dict[ServingSweepName, ServingSweep] = Field(default_factory=dict)

    def sweep(self, name: SweepName) -> TrainingSweep | ServingSweep | None:
        """None if it was not measured."""
        return self.training.get(name) or self.serving.get(name)

    def with_sweep(self, name: SweepName, sweep: TrainingSweep | ServingSweep) -> "GrowthReport":
        """The same report with this sweep in the place of the old one."""
        kind = "training" if isinstance(sweep, TrainingSweep) else "serving"
        return self.model_copy(update={kind: getattr(self, kind) | {name: sweep}})


TURNED: dict[SweepName, Callable[[TrainingCost | ServingCost], int | None]] = {  # sweep → the number that is turned
    **{name: lambda row, field=method.knob.field: getattr(row.method, field, None) for name, method in KNOBS.items()},
    "length": lambda row: row.width,
    "batch": lambda row: row.batch,
    "checkpoints": lambda row: row.checkpoints,
    "reviews": lambda row: row.reviews,
}


def alike(rows: Iterable[Row], config: MethodConfig) -> list[Row]:
    """The rows whose method costs as `config` does, or differs from it in the method's own number alone."""
    knob = method_of(config).knob

    def rest(method: MethodConfig) -> MethodConfig:
        same = {} if knob is None or method.method != config.method else {knob.field: getattr(config, knob.field)}
        return what_costs(method).model_copy(update=same)

    return [row for row in rows if rest(row.method) == what_costs(config)]


def nearest(rows: Iterable[Row], config: MethodConfig) -> Row | None:
    """The row, among those that are alike, whose own number is nearest by factor; None if there is none.

    An equal number is the nearest: `what_costs(row.method) == what_costs(config)` tells whether this was measured.
    """
    knob, rows = method_of(config).knob, alike(rows, config)
    if knob is None:
        return next(iter(rows), None)
    now = getattr(config, knob.field)
    return min(rows, key=lambda row: abs(log(getattr(row.method, knob.field) / now)), default=None)


def load_growth(path: Path = GROWTH) -> GrowthReport:
    """How costs grow.

    Raises:
        PeftClassroomError: if the file is missing or damaged.
    """
    return load_report(path, GrowthReport, "python -m benchmarks.growth")
