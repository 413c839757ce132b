"""Does accuracy follow a number that was turned, as the rank of LoRA? A straight line, and how sure one can be of it.

    y     log-odds of a run's accuracy, with half a review added to both sides (so that 0 and all right have one, too)
    x     for example log₂ of the rank: the slope is what a doubling gives
    vᵢ    what counting so many reviews leaves open of yᵢ: 1/right + 1/wrong
    τ²    how much runs scatter beyond that, which another seed does (moments: DerSimonian & Laird 1986, with a slope)

Least squares with the weights 1/(vᵢ + τ²). How wide the intervals are is taken from how far the runs lie off the line,
by Student's t with n − 2 degrees of freedom (Knapp & Hartung 2003): so they also hold where all runs have answered the
same reviews, whose luck moves all of them together. What they speak of is other runs on these very reviews.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST = 3  # different values of x: through two of them a line always goes


@dataclass(frozen=True)
class Trend:
    """The line, in log-odds: `slope` a unit of x, with its 95% interval [low, high]. `between` is τ."""

    slope: float
    low: float
    high: float
    between: float
    runs: int
    middle: float  # the mean of x, where the line is known best
    level: float  # log-odds there
    covariance: tuple[float, float, float]  # var(slope), cov(slope, level), var(level)
    t: float  # 95% of Student's t lie within ± this

    def at(self, x: float) -> tuple[float, float, float]:
        """The accuracy that the line says at x, and its 95% interval: (share, low, high)."""
        away = x - self.middle
        slope, both, level = self.covariance
        half = self.t * max(0.0, slope * away**2 + 2 * both * away + level) ** 0.5
        value = self.level + self.slope * away
        share, low, high = (float(_share(y)) for y in (value, value - half, value + half))
        return share, low, high

    @property
    def a_unit(self) -> tuple[float, float, float]:
        """The slope as a share of the reviews a unit of x, where the line is known best: (value, low, high)."""
        share = _share(self.level)
        steep = float(share * (1 - share))
        return self.slope * steep, self.low * steep, self.high * steep

    @property
    def told(self) -> bool:
        """Whether the slope is called more than chance."""
        return self.low > 0 or self.high < 0


def trend(x: Sequence[float], right: Sequence[float], n: Sequence[int]) -> Trend:
    """Fit the line.

    Args:
        x, right, n: of each run, the number that was turned, how many reviews it had right, and of how many.

    Raises:
        ValueError: with fewer than `LEAST` different values of x.
    """
    from scipy.stats import t as student

    x, right, n = (np.asarray(values, dtype=float) for values in (x, right, n))
    if len(np.unique(x)) < LEAST:
        raise ValueError(f"{len(np.unique(x))} different values, no line: {LEAST} at least")
    yes, no = right + 0.5, n - right + 0.5
    y, counted = np.log(yes / no), 1 / yes + 1 / no
    middle, freedom = float(x.mean()), len(x) - 2
    between = _between(x - middle, y, counted)
    weight = 1 / (counted + between)
    line, inverse = np.polyfit(x - middle, y, 1, w=np.sqrt(weight), cov="unscaled")
    off = y - np.polyval(line, x - middle)
    # Accuracies are counts: none is known better than to a review, which moves y by about v. Three runs that happen to
    # have the same number of reviews right would otherwise be a slope without any doubt.
    rounded = float((weight * counted**2).mean()) / 12
    covariance = inverse * max(float((weight * off**2).sum()) / freedom, rounded)
    quantile = float(student.ppf(0.975, freedom))
    slope, half = float(line[0]), quantile * float(covariance[0, 0]) ** 0.5
    parts = tuple(float(covariance[place]) for place in ((0, 0), (0, 1), (1, 1)))
    return Trend(slope, slope - half, slope + half, between**0.5, len(x), middle, float(line[1]), parts, quantile)


def _between(x: np.ndarray, y: np.ndarray, counted: np.ndarray) -> float:
    """τ² by moments: how far the runs lie off a line weighted by counting alone, beyond what counting explains."""
    weight = 1 / counted
    design = np.column_stack([x, np.ones_like(x)])
    weighted = design.T * weight
    inverse = np.linalg.inv(weighted @ design)
    off = y - design @ (inverse @ (weighted @ y))
    beyond = float((weight * off**2).sum()) - (len(x) - 2)
    scale = float(weight.sum() - np.trace(inverse @ (weighted * weight) @ design))
    return max(0.0, beyond / scale)


def _share(y: float) -> float:
    return 1 / (1 + np.exp(-y))
