"""How long it takes to change the customer, as plain data: `benchmarks/results/swap.json`. Reading it needs no torch.

`python -m benchmarks.swap` writes the file; the app quotes it until somebody measures on the spot.
"""

from pathlib import Path
from statistics import median
from typing import Literal

from pydantic import Field

from peft_core.paths import RESULTS
from peft_core.report.costs.measured import Provenance, load_report
from peft_core.statistics.paired_ratio import PairedRatio, paired_ratio
from peft_core.validated import Frozen

SWAP = RESULTS / "swap.json"


class Times(Frozen):
    """Changes to small checkpoints and to a whole model, in seconds; entry i of both is of round i."""

    base: str
    checkpoints: tuple[str, ...] = Field(min_length=1, description="the small ones, in turn")
    small: tuple[float, ...] = Field(min_length=1)
    whole: tuple[float, ...] = Field(min_length=1)

    def range_of(self, kind: Literal["small", "whole"]) -> tuple[float, float, float]:
        """(median, shortest, longest)."""
        seconds = getattr(self, kind)
        return median(seconds), min(seconds), max(seconds)

    @property
    def ratio(self) -> PairedRatio:
        """How many times as long the whole model takes."""
        return paired_ratio(self.whole, self.small)


class SwapReport(Frozen):
    """The content of `swap.json`."""

    format: Literal[1] = 1
    provenance: Provenance
    times: Times


def load_swap(path: Path = SWAP) -> SwapReport:
    """What was measured once.

    Raises:
        PeftClassroomError: if the file is missing or damaged.
    """
    return load_report(path, SwapReport, "python -m benchmarks.swap")
