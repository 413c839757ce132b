"""How long a prediction takes, as plain data: `benchmarks/results/latency.json`. Reading it needs no torch.

`python -m benchmarks.latency` writes the file; the app only quotes it.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from peft_core.methods.registry import METHODS, MethodField
from peft_core.paths import RESULTS
from peft_core.report.costs.measured import Provenance, load_report
from peft_core.statistics.paired_ratio import PairedRatio, paired_ratio
from peft_core.validated import Frozen, one_of

LATENCY = RESULTS / "latency.json"
BASE, AGAIN, MERGED = "base", "base_again", "_merged"
FORMS = (BASE, AGAIN, *METHODS, *(f"{name}{MERGED}" for name in METHODS))
Form = Annotated[str, AfterValidator(one_of(FORMS))]


class Latency(Frozen):
    """Classifying `batch` reviews of `width` tokens in fp32. One entry a round: entry i of every form is of round i.

    The form `base_again` is the base model a second time, in tensors of its own: what it differs by is what the
    measurement cannot tell.
    """

    shape: str = Field(description="the base model whose shapes were measured, with random weights")
    form: Form
    method: MethodField | None = Field(description="none: the base model by itself")
    batch: int
    width: int
    multiplications: int = Field(description="of one batch, in matrix products; counted by torch from their shapes")
    seconds: tuple[float, ...] = Field(min_length=1)


class LatencyReport(Frozen):
    """The content of `latency.json`."""

    format: Literal[1] = 1
    provenance: Provenance
    rows: tuple[Latency, ...]

    @property
    def shapes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.shape for row in self.rows))

    @property
    def batches(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(row.batch for row in self.rows))

    def row(self, shape: str, form: str, batch: int) -> Latency | None:
        """The times of this form; None if it was not measured."""
        return next((row for row in self.rows if (row.shape, row.form, row.batch) == (shape, form, batch)), None)

    def forms(self, shape: str) -> tuple[Latency, ...]:
        """Every form but the base model itself, at the smallest batch."""
        batch = min(self.batches)
        return tuple(row for row in self.rows if (row.shape, row.batch) == (shape, batch) and row.form != BASE)

    def against_base(self, row: Latency) -> PairedRatio:
        """How many times as long as the base model this form takes."""
        return paired_ratio(row.seconds, self._base(row).seconds)

    def more(self, row: Latency) -> float:
        """How many more multiplications than the base model's, as a share of those."""
        return row.multiplications / self._base(row).multiplications - 1

    def _base(self, row: Latency) -> Latency:
        base = self.row(row.shape, BASE, row.batch)
        if base is None:
            raise ValueError(f"{row.shape} was not measured by itself at batch {row.batch}")
        return base


def load_latency(path: Path = LATENCY) -> LatencyReport:
    """How long a prediction takes.

    Raises:
        PeftClassroomError: if the file is missing or damaged.
    """
    return load_report(path, LatencyReport, "python -m benchmarks.latency")
