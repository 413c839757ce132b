"""Many models on the same reviews: some pair always looks different. All pairs with Holm's correction.

Of m true null hypotheses about m/20 have p < 0.05. The step-down procedure of Holm (*A simple sequentially rejective
multiple test procedure*, Scandinavian Journal of Statistics 6, 1979) keeps the chance of even one such mistake below
5%, whatever the tests have to do with one another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from peft_core.statistics.paired_test import LEVEL, Interval, PairedTest, bootstrap_interval, paired_test


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's adjusted p of each test: below 0.05 where the procedure rejects at that level.

    The smallest of m is multiplied by m, the next by m − 1, and so on; none is below the one before it, or above 1.
    """
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for place, number in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[number]))
        adjusted[number] = highest
    return tuple(adjusted)


@dataclass(frozen=True)
class PairOfMany:
    """Two of several models on the same reviews. `p_holm` is the p-value of `test`, corrected for all the pairs."""

    first: str
    second: str
    test: PairedTest
    p_holm: float

    @property
    def told_apart(self) -> bool:
        """Whether the two are told apart although so many pairs were looked at."""
        return self.p_holm < LEVEL


def all_pairs(right: Mapping[str, np.ndarray], interval: Interval = bootstrap_interval) -> tuple[PairOfMany, ...]:
    """Every two of the models, in the order in which they are given.

    Args:
        right: by the model's name, whether it answered each review right; all of shape (n,).
        interval: of the differences, as `paired_test` takes it.

    Raises:
        ValueError: if they did not answer as many reviews.
    """
    pairs = list(combinations(right, 2))
    tests = [paired_test(right[first], right[second], interval) for first, second in pairs]
    adjusted = holm([test.p for test in tests])
    return tuple(PairOfMany(*pair, test, p) for pair, test, p in zip(pairs, tests, adjusted, strict=True))
