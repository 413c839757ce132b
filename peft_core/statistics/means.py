"""A few runs, a number each: their mean, and the difference of two means. The unit is the run, not the review.

A method is a way to train, so what it gives is known from runs that were trained anew, with other seeds. Three seeds
are three observations, however many reviews each of them answered. Student's t knows how little three of them say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, variance


@dataclass(frozen=True)
class Mean:
    """The mean of n runs with its 95% t-interval [low, high], which is None for a single run; and their median."""

    value: float
    median: float
    low: float | None
    high: float | None
    n: int


def mean_of_runs(values: Sequence[float]) -> Mean:
    """Mean ± t·s/√n, where t has n − 1 degrees of freedom. Few and very skewed values make it a rough guide.

    Raises:
        ValueError: without values.
    """
    if not values:
        raise ValueError("no runs, no mean")
    value, n = fmean(values), len(values)
    if n < 2:
        return Mean(value, value, None, None, n)
    half = _t(n - 1) * (variance(values) / n) ** 0.5
    return Mean(value, median(values), value - half, value + half, n)


@dataclass(frozen=True)
class MeanDifference:
    """Mean of the first runs − mean of the second, with the 95% interval [low, high] and p of Welch's t-test.

    All three are None where one of the two has a single run: nothing then says how much another seed would change.
    """

    value: float
    low: float | None
    high: float | None
    p: float | None
    runs: tuple[int, int]


def difference_of_means(first: Sequence[float], second: Sequence[float]) -> MeanDifference:
    """Welch's t-test (Welch 1947), which lets the two vary differently: runs of one are not paired with the other's.

    The degrees of freedom are Satterthwaite's, (a + b)² / (a²/(n₁ − 1) + b²/(n₂ − 1)) with a = s₁²/n₁, b = s₂²/n₂.

    Raises:
        ValueError: if one of the two has no runs.
    """
    from scipy.stats import t

    if not first or not second:
        raise ValueError("no runs, no difference")
    value, runs = fmean(first) - fmean(second), (len(first), len(second))
    if min(runs) < 2:
        return MeanDifference(value, None, None, None, runs)
    a, b = variance(first) / runs[0], variance(second) / runs[1]
    error = (a + b) ** 0.5
    if not error:
        return MeanDifference(value, value, value, 0.0 if value else 1.0, runs)
    freedom = (a + b) ** 2 / (a**2 / (runs[0] - 1) + b**2 / (runs[1] - 1))
    half = _t(freedom) * error
    return MeanDifference(value, value - half, value + half, float(2 * t.sf(abs(value) / error, freedom)), runs)


def _t(freedom: float) -> float:
    """95% of a t distribution lie within ± this."""
    from scipy.stats import t

    return float(t.ppf(0.975, freedom))
