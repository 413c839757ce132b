"""Two models on the same reviews: is the difference more than chance? No torch here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


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
