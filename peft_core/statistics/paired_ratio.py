"""How many times as long one thing takes as another, from rounds in which both were timed. No torch here."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from statistics import median
from typing import Literal

LEVEL = 0.99  # of the interval: several ratios stand side by side on a page


@dataclass(frozen=True)
class PairedRatio:
    """The median of the ratios of n rounds, with an interval [low, high] that holds the true median 99 times in 100."""

    ratio: float
    low: float
    high: float
    n: int

    @property
    def verdict(self) -> Literal["slower", "faster", "unclear"]:
        """What the interval says: 1 within it is no difference that can be told."""
        return "slower" if self.low > 1 else "faster" if self.high < 1 else "unclear"


def paired_ratio(times: Sequence[float], beside: Sequence[float]) -> PairedRatio:
    """The ratio of `times` to `beside`, round by round; entry i of both was measured in round i.

    A busy moment makes both of a pair slow and leaves their ratio. The interval is that of the sign test: from the k-th
    smallest to the k-th largest ratio, whatever their distribution, because each lies above the median with
    probability ½.

    Raises:
        ValueError: if the numbers of rounds differ, or are too few for the interval.
    """
    ratios = sorted(a / b for a, b in zip(times, beside, strict=True))
    n = len(ratios)
    k = _rank(n)
    if k == 0:
        raise ValueError(f"{n} rounds are too few for a {LEVEL:.0%} interval")
    return PairedRatio(median(ratios), ratios[k - 1], ratios[n - k], n)


def _rank(n: int) -> int:
    """The largest k for which fewer than k heads in n tosses have at most probability (1 − LEVEL) / 2; 0: none has."""
    tail, k = 0.0, 0
    while (tail := tail + comb(n, k) / 2**n) <= (1 - LEVEL) / 2:
        k += 1
    return k
