"""Is one model better than another, or were the test reviews kind to it? No torch here.

    b, c                        reviews that only the first, only the second has right; the others tell nothing apart
    exact McNemar test          p of a split at least as uneven as b : c if each of them were a fair coin's
    difference of accuracies    (b − c) / n, with its 95% interval: by a paired bootstrap (Efron & Tibshirani 1993,
                                chapter 13), or in closed form (Agresti & Min 2005)

The bootstrap is the general one, and what Compare, exports and the command line show. Of two models that never differ
it says 0 to 0; cut ranks do come close to that, so the Rank lab asks for the closed form, which never is a point.

Both speak of these two trained models and other reviews of the same kind. Training again with another seed is a second
source of chance that neither knows about.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from peft_core.statistics.intervals import Z

RESAMPLES = 10_000
LEVEL = 0.05  # a p below it is called more than chance
Interval = Callable[[int, int, int], tuple[float, float]]  # (only the first, only the second, n) → (low, high)


@dataclass(frozen=True)
class PairedTest:
    """Two models on the same n reviews.

    `difference` = accuracy of the first − accuracy of the second, within −1…1, with its 95% interval [low, high]. `p`
    is that of the exact McNemar test (McNemar 1947): reviews that both have right or both wrong say nothing; of the
    others, each model would have half by chance.
    """

    both_right: int
    only_first: int
    only_second: int
    both_wrong: int
    p: float
    difference: float
    low: float
    high: float

    @property
    def told_apart(self) -> bool:
        """Whether the difference is called more than chance."""
        return self.p < LEVEL

    @property
    def n(self) -> int:
        return self.both_right + self.only_first + self.only_second + self.both_wrong

    @property
    def discordant(self) -> int:
        """Reviews that exactly one of the two has right."""
        return self.only_first + self.only_second

    @property
    def first_accuracy(self) -> float:
        return (self.both_right + self.only_first) / self.n

    @property
    def second_accuracy(self) -> float:
        return (self.both_right + self.only_second) / self.n


def bootstrap_interval(only_first: int, only_second: int, n: int, seed: int = 0) -> tuple[float, float]:
    """95% percentile interval of (b − c) / n over `RESAMPLES` draws of n reviews with replacement.

    A review counts +1 (only the first is right), −1 (only the second) or 0. Drawing n of them with replacement is
    drawing (b, c, rest) from a multinomial distribution, so no review needs to be touched. The model with more reviews
    of its own comes first in the draw: exchanging the two mirrors the interval.
    """
    if only_first < only_second:
        low, high = bootstrap_interval(only_second, only_first, n, seed)
        return -high, -low
    counts = np.array([only_first, only_second, n - only_first - only_second])
    drawn = np.random.default_rng(seed).multinomial(n, counts / n, size=RESAMPLES)
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / n, (0.025, 0.975))
    return float(low), float(high)


def agresti_min_interval(only_first: int, only_second: int, n: int) -> tuple[float, float]:
    """95% interval of (b − c) / n in closed form (Agresti & Min 2005): Wald's for paired shares,
    (b − c)/n ± z·√(b + c − (b − c)²/n)/n, after half a review is added to each of the four cells.
    """
    b, c = only_first, only_second
    middle = (b - c) / (n + 2)
    half = Z * float(np.sqrt(b + c + 1 - (b - c) ** 2 / (n + 2))) / (n + 2)
    return max(-1.0, middle - half), min(1.0, middle + half)


def paired_test(
    first_right: Sequence[bool] | np.ndarray,
    second_right: Sequence[bool] | np.ndarray,
    interval: Interval = bootstrap_interval,
) -> PairedTest:
    """Compare two models' answers to the same reviews.

    Args:
        first_right, second_right: for each review, whether the model's answer was right; both of shape (n,).

    Raises:
        ValueError: if the two are not of the same length, or empty.
    """
    from scipy.stats import binomtest

    first, second = np.asarray(first_right, dtype=bool), np.asarray(second_right, dtype=bool)
    if first.shape != second.shape:
        raise ValueError(f"{len(first):,} answers cannot be paired with {len(second):,}.")
    if not len(first):
        raise ValueError("no reviews, no difference")
    cells = (first & second, first & ~second, second & ~first, ~first & ~second)
    both_right, only_first, only_second, both_wrong = (int(cell.sum()) for cell in cells)
    discordant = only_first + only_second
    p = float(binomtest(only_first, discordant).pvalue) if discordant else 1.0
    difference = (only_first - only_second) / len(first)
    return PairedTest(
        both_right, only_first, only_second, both_wrong, p, difference, *interval(only_first, only_second, len(first))
    )
