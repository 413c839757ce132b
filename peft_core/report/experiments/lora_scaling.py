"""What LoRA's factor α/r does at each rank, measured at the first step. No torch here.

`python -m benchmarks.lora_scaling` writes the file. It was measured with scaling 1; a rule for α multiplies it:

    α fixed      s = α / r     Hu et al. 2021, section 4.1
    α/r kept     s constant    the shipped checkpoints here
    rsLoRA       s = α / √r    Kalajdzievski 2023
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Literal

from pydantic import Field

from peft_core.paths import RESULTS
from peft_core.report.costs.measured import Provenance, load_report
from peft_core.validated import Frozen

LORA_SCALING = RESULTS / "lora-scaling.json"


def rules(r: int, alpha: float) -> Mapping[str, Callable[[int], float]]:
    """rank → s by each rule, all of them α/r at the rank r."""
    return {
        "fixed": lambda rank: alpha / rank,
        "kept": lambda rank: alpha / r,
        "rslora": lambda rank: alpha / r * (r / rank) ** 0.5,
    }


class RankStep(Frozen):
    """One rank with one seed, both numbers with scaling 1: with s they are s times as large."""

    r: int
    seed: int
    gradient: float = Field(description="norm of the gradient that reaches all B's at step 0")
    moved: float = Field(description="norm of B·A·x after AdamW's first step, as a share of W₀x's, over all layers")


class ScalingReport(Frozen):
    """The content of `lora-scaling.json`."""

    format: Literal[1] = 1
    provenance: Provenance
    base: str
    base_fingerprint: str
    learning_rate: float
    reviews: int = Field(description="of the one batch")
    length: int = Field(description="tokens of a review, at most")
    steps: tuple[RankStep, ...]

    @property
    def ranks(self) -> tuple[int, ...]:
        """Every rank once."""
        return tuple(dict.fromkeys(step.r for step in self.steps))

    def gradient(self, r: int) -> float:
        """With scaling 1, mean of the seeds."""
        return fmean(step.gradient for step in self.steps if step.r == r)

    def moved(self, r: int) -> float:
        """With scaling 1, mean of the seeds."""
        return fmean(step.moved for step in self.steps if step.r == r)


def load_lora_scaling(path: Path = LORA_SCALING) -> ScalingReport:
    """What was measured.

    Raises:
        PeftClassroomError: if the file is missing or damaged.
    """
    return load_report(path, ScalingReport, "python -m benchmarks.lora_scaling")
