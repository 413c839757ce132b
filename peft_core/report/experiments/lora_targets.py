"""Which matrices should LoRA stand beside? Runs with about as many trained numbers each. No torch here.

`python -m benchmarks.lora_targets` writes the file; the app and the log only read it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Literal

import numpy as np
from pydantic import Field

from peft_core.config import RunConfig
from peft_core.paths import RESULTS
from peft_core.report.costs.measured import Provenance, load_report
from peft_core.statistics.paired_test import PairedTest, paired_test
from peft_core.validated import Frozen

LORA_TARGETS = RESULTS / "lora-targets.json"
Targets = tuple[str, ...]


class TargetsRun(Frozen):
    """One training run, with its answers to every test review."""

    config: RunConfig
    trainable_parameters: int
    seconds: float = Field(description="of training; other programs ran beside it")
    right: str = Field(pattern="^[01]+$", description="test reviews in order: 1 is a right answer")

    @property
    def targets(self) -> Targets:
        """The matrices that LoRA stood beside."""
        return self.config.method.target_modules

    @property
    def accuracy(self) -> float:
        """The share of the test reviews that it has right."""
        return self.right.count("1") / len(self.right)


class TargetsReport(Frozen):
    """The content of `lora-targets.json`."""

    format: Literal[1] = 1
    provenance: Provenance
    base_fingerprint: str
    untrained: float | None = Field(None, description="accuracy of the base model on the same test reviews")
    runs: tuple[TargetsRun, ...] = ()

    def of(self, targets: Targets) -> tuple[TargetsRun, ...]:
        """The runs beside these matrices, a seed each."""
        return tuple(run for run in self.runs if run.targets == targets)

    def mean(self, targets: Targets) -> float:
        """Mean test accuracy of the seeds."""
        return fmean(run.accuracy for run in self.of(targets))

    def pairs(self, first: Targets, second: Targets) -> tuple[PairedTest, ...]:
        """For each seed that both have: first beside second."""
        by_seed = {run.config.train.seed: run for run in self.of(second)}
        both = [(run, by_seed[seed]) for run in self.of(first) if (seed := run.config.train.seed) in by_seed]
        return tuple(paired_test(_bits(a.right), _bits(b.right)) for a, b in both)


@dataclass(frozen=True)
class OverSeeds:
    """Mean of the differences of n seeds, with its 95% t-interval (n − 1 degrees of freedom); as shares."""

    n: int
    mean: float
    low: float
    high: float

    @property
    def told_apart(self) -> bool:
        """Whether 0 lies outside."""
        return self.low > 0 or self.high < 0


def over_seeds(differences: Sequence[float], comparisons: int = 1) -> OverSeeds | None:
    """The seed is the unit: what another seed would change is in the interval. None for fewer than two seeds.

    Args:
        comparisons: that are looked at together; the interval is as wide as Bonferroni wants it for so many.
    """
    from scipy.special import stdtrit

    n = len(differences)
    if n < 2:
        return None
    mean, half = fmean(differences), float(stdtrit(n - 1, 1 - 0.025 / comparisons)) * stdev(differences) / n**0.5
    return OverSeeds(n, mean, mean - half, mean + half)


def load_lora_targets(path: Path = LORA_TARGETS) -> TargetsReport:
    """The runs that were made.

    Raises:
        PeftClassroomError: if the file is missing or damaged.
    """
    return load_report(path, TargetsReport, "python -m benchmarks.lora_targets")


def _bits(right: str) -> np.ndarray:
    return np.frombuffer(right.encode(), dtype=np.uint8) == ord("1")
