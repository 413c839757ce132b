"""A share with how sure one can be of it. No torch here: pages import it."""

from dataclasses import dataclass
from statistics import NormalDist

Z = NormalDist().inv_cdf(0.975)  # 1.96: 95% of a normal distribution lie within ±Z


@dataclass(frozen=True)
class Accuracy:
    """Share of right answers among n, with the 95% Wilson interval [low, high]."""

    accuracy: float
    low: float
    high: float
    n: int


def wilson(correct: float, n: int) -> Accuracy:
    """Accuracy with its 95% score interval (Wilson 1927): sensible near 0 and 1, where ±1.96·√(p(1−p)/n) is not.

    The interval holds every p from which correct/n is at most Z standard errors √(p(1−p)/n) away. `correct` need not be
    whole: the mean of several models over the same n reviews varies no more than one model with that accuracy.

    Raises:
        ValueError: if n is 0 or correct is not within 0…n.
    """
    if n < 1 or not 0 <= correct <= n:
        raise ValueError(f"{correct} of {n} is no share")
    share = correct / n
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * (share * (1 - share) / n + Z**2 / (4 * n**2)) ** 0.5 / (1 + Z**2 / n)
    low, high = max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))  # rounding stays out
    return Accuracy(share, low, high, n)


def newcombe(first: Accuracy, second: Accuracy) -> tuple[float, float]:
    """95% interval of first − second for independent samples, from their Wilson intervals (Newcombe 1998, method 10).

    The distance to each end is √(a² + b²), where a and b lead to the Wilson ends that move the difference that way.
    """
    difference = first.accuracy - second.accuracy
    down = ((first.accuracy - first.low) ** 2 + (second.high - second.accuracy) ** 2) ** 0.5
    up = ((first.high - first.accuracy) ** 2 + (second.accuracy - second.low) ** 2) ** 0.5
    return difference - down, difference + up
