"""Is one model better than another, or were the test reviews kind to it? No torch here.

    b, c                        reviews that only the first, only the second has right; the others tell nothing apart
    exact McNemar test          p of a split at least as uneven as b : c if each of them were a fair coin's
    difference of accuracies    (b − c) / n, with a paired bootstrap interval (Efron & Tibshirani 1993, chapter 13), or,
                                where many are drawn at once, one in closed form (Agresti & Min 2005)

Both speak of these two trained models and other reviews of the same kind. Training again with another seed is a second
source of chance that neither knows about.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from peft_core.statistics.intervals import Z

RESAMPLES = 10_000
LEVEL = 0.05  # a p below it is called more than chance


@dataclass(frozen=True)
class Paired:
    """Reviews that only one of two models has right, and the p-value of a split at least as uneven by chance."""

    only_first: int
    only_second: int
    p: float


def mcnemar(first_right: Sequence[bool] | np.ndarray, second_right: Sequence[bool] | np.ndarray) -> Paired:
    """The exact McNemar test (McNemar 1947): reviews that both have right or both wrong say nothing; of the others,
    each model would have half by chance.

    Args:
        first_right, second_right: for each review, whether the model's answer was right; both of shape (n,).

    Raises:
        ValueError: if the two are not of the same length.
    """
    from scipy.stats import binomtest

    first, second = np.asarray(first_right, dtype=bool), np.asarray(second_right, dtype=bool)
    if first.shape != second.shape:
        raise ValueError(f"{len(first):,} answers cannot be paired with {len(second):,}.")
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    discordant = only_first + only_second
    p = binomtest(only_first, discordant).pvalue if discordant else 1.0
    return Paired(only_first, only_second, float(p))


@dataclass(frozen=True)
class PairedTest:
    """Two models on the same n reviews.

    `difference` = accuracy of the first − accuracy of the second, within −1…1, with its 95% bootstrap interval
    [low, high]; `p` is that of the exact McNemar test.
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


def paired_test(
    first_right: Sequence[bool] | np.ndarray, second_right: Sequence[bool] | np.ndarray, seed: int = 0
) -> PairedTest:
    """McNemar test and bootstrap interval.

    Args:
        first_right, second_right: for each review, whether the model's answer was right; both of shape (n,).

    Raises:
        ValueError: if the two are not of the same length, or empty.
    """
    first, second = np.asarray(first_right, dtype=bool), np.asarray(second_right, dtype=bool)
    paired: Paired = mcnemar(first, second)
    if not len(first):
        raise ValueError("no reviews, no difference")
    both, n = int((first & second).sum()), len(first)
    low, high = bootstrap_interval(paired.only_first, paired.only_second, n, seed)
    return PairedTest(
        both_right=both,
        only_first=paired.only_first,
        only_second=paired.only_second,
        both_wrong=n - both - paired.only_first - paired.only_second,
        p=paired.p,
        difference=(paired.only_first - paired.only_second) / n,
        low=low,
        high=high,
    )


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
