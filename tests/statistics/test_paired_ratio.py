"""How many times as long: what a busy moment does to both of a pair, the ratio does not see."""

import random
from statistics import median

import pytest
from scipy.stats import binom

from peft_core.statistics.paired_ratio import LEVEL, paired_ratio


def noisy(n: int, ratio: float, seed: int) -> tuple[list[float], list[float]]:
    """Pairs of times with the median ratio `ratio`: the machine slows both of a pair, each has noise of its own."""
    rng = random.Random(seed)
    pairs = []
    for _ in range(n):
        busy, own, other = rng.lognormvariate(0, 1), rng.lognormvariate(0, 0.05), rng.lognormvariate(0, 0.05)
        pairs.append((ratio * busy * own, busy * other))
    return [a for a, _ in pairs], [b for _, b in pairs]


@pytest.mark.parametrize("n", [8, 20, 40, 41, 160])
def test_the_interval_is_the_widest_that_its_level_allows(n):
    """The ends are order statistics: fewer than k ratios lie below the median with probability P(Bin(n, ½) < k)."""
    ratios = [1 + i / n for i in range(1, n + 1)]
    found = paired_ratio(random.Random(0).sample(ratios, n), [1.0] * n)
    k = ratios.index(found.low) + 1
    assert ratios.index(found.high) == n - k
    assert 2 * binom.cdf(k - 1, n, 0.5) <= 1 - LEVEL < 2 * binom.cdf(k, n, 0.5)
    assert found.ratio == pytest.approx(median(ratios))


def test_the_true_ratio_lies_in_it_about_as_often_as_it_says():
    times = [paired_ratio(*noisy(40, 1.1, seed)) for seed in range(1000)]
    assert sum(found.low <= 1.1 <= found.high for found in times) >= 980


def test_the_verdict_is_what_the_interval_says():
    for ratio, verdict in ((1.2, "slower"), (1.0, "unclear"), (0.8, "faster")):
        assert paired_ratio(*noisy(60, ratio, 1)).verdict == verdict
    times, beside = noisy(60, 1.2, 1)
    assert paired_ratio(beside, times).ratio == pytest.approx(1 / paired_ratio(times, beside).ratio)


def test_too_few_rounds_or_unequal_ones_are_refused():
    with pytest.raises(ValueError, match="too few"):
        paired_ratio([1.0] * 7, [1.0] * 7)
    with pytest.raises(ValueError):
        paired_ratio([1.0] * 9, [1.0] * 8)
