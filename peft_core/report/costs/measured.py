"""Costs that were measured once, as plain data: `benchmarks/results/*.json`. Reading them needs no torch.

`python -m benchmarks.cost` and `python -m benchmarks.step_zero` write these files; the app only quotes them.
"""

from pathlib import Path
from statistics import median
from typing import Literal

from pydantic import BaseModel, Field

from peft_core.files import write_atomic, writing
from peft_core.methods.registry import MethodConfig, MethodField
from peft_core.paths import RESULTS
from peft_core.validated import Content, Frozen, read_json

COST, STEP_ZERO = RESULTS / "cost.json", RESULTS / "step_zero.json"


class Provenance(Frozen):
    """Where a measurement comes from."""

    command: str = Field(description="repeats it")
    machine: str
    threads: int = Field(ge=1, description="of every measuring process")
    precision: str = Field(description="of frozen weights and of the products in a training step")
    created: str = Field(description="UTC, ISO 8601")
    versions: dict[str, str]


class TrainingCost(Frozen):
    """One method on one model shape, training on batches of `batch` × `width` tokens. One entry a round in the tuples.

    Bytes of weights, gradients and optimizer state are exact: numel × itemsize of the tensors that exist.
    """

    shape: str = Field(description="the base model whose shapes were measured, with random weights")
    method: MethodField
    batch: int
    width: int
    trainable_parameters: int
    total_parameters: int
    weight_bytes: int
    gradient_bytes: int
    optimizer_bytes: int
    file_bytes: int = Field(description="of the weights file of a checkpoint")
    peak_bytes: tuple[int, ...] = Field(min_length=1, description="in use at its highest, minus libraries")
    step_seconds: tuple[float, ...] = Field(min_length=1, description="median of the round's timed steps")

    @property
    def peak(self) -> float:
        """Bytes: the median of the rounds."""
        return median(self.peak_bytes)

    @property
    def rest(self) -> float:
        """Bytes of the peak that are no weights, gradients or optimizer state: activations and workspace."""
        return self.peak - self.weight_bytes - self.gradient_bytes - self.optimizer_bytes

    @property
    def step(self) -> float:
        """Seconds a step: the median of the rounds."""
        return median(self.step_seconds)


class CostReport(Frozen):
    """The content of `cost.json`."""

    format: Literal[1] = 1
    provenance: Provenance
    training: tuple[TrainingCost, ...]

    def train(self, shape: str, method: MethodConfig) -> TrainingCost | None:
        """What training `method` on `shape` cost; None if it was not measured."""
        return next((row for row in self.training if (row.shape, row.method) == (shape, method)), None)


class StepZeroRow(Frozen):
    """An untrained method beside the base model, on the same reviews."""

    method: MethodField
    accuracy: float
    changed_verdicts: int = Field(description="reviews whose label differs from the base model's")
    largest_change: float = Field(description="of the probability of “positive”")
    mean_change: float
    further_mean_changes: tuple[float, ...] = Field((), description="with other seeds, where the start is drawn")

    @property
    def all_mean_changes(self) -> tuple[float, ...]:
        """The mean change with every seed that was tried."""
        return (self.mean_change, *self.further_mean_changes)


class StartWidth(Frozen):
    """Adapters whose matrices start from N(0, σ²) with biases 0, beside the base model. One entry a seed."""

    sigma: float
    n: int = Field(description="validation reviews")
    changed_verdicts: tuple[int, ...] = Field(min_length=1)
    mean_changes: tuple[float, ...] = Field(min_length=1, description="of the probability of “positive”")


class StepZeroReport(Frozen):
    """The content of `step_zero.json`."""

    format: Literal[1] = 1
    provenance: Provenance
    base: str
    base_fingerprint: str
    seed: int
    n: int = Field(description="validation reviews")
    base_accuracy: float
    rows: tuple[StepZeroRow, ...]
    adapter_widths: tuple[StartWidth, ...] = Field((), description="ascending in σ")

    def row(self, method: MethodConfig) -> StepZeroRow | None:
        """The row of `method`; None if it was not measured."""
        return next((row for row in self.rows if row.method == method), None)


def load_cost(path: Path = COST) -> CostReport:
    """What training costs.

    Raises:
        PeftClassroomError: if the file is missing or damaged.
    """
    return load_report(path, CostReport, "python -m benchmarks.cost")


def load_step_zero(path: Path = STEP_ZERO) -> StepZeroReport:
    """What each method answers before its first training step.

    Raises:
        PeftClassroomError: if the file is missing or damaged.
    """
    return load_report(path, StepZeroReport, "python -m benchmarks.step_zero")


def load_report(path: Path, kind: type[Content], command: str) -> Content:
    """The file of measurements that `command` writes.

    Raises:
        PeftClassroomError: if the file is missing or damaged.
    """
    return read_json(path, kind, f"Restore the file or measure again: `{command}`.")


def write_report(report: BaseModel, path: Path) -> None:
    """Write the report as JSON that a person can read."""
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, report.model_dump_json(indent=1) + "\n")
