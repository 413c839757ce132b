"""What n reviews can see: Connor's formula against the power of the exact test, added up outcome by outcome."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from peft_core.statistics.power import visible_difference


def exact_power(n, disagreement, difference):
    """Σ over every number of disagreements of P(the two-sided exact McNemar test has p < 0.05)."""
    share, total = (disagreement + difference) / 2 / disagreement, 0.0
    for discordant in range(1, n + 1):
        weight = stats.binom.pmf(discordant, n, disagreement)
        if weight < 1e-9:
            continue
        outcomes = np.arange(discordant + 1)
        low = stats.binom.ppf(0.025, discordant, 0.5)
        low -= stats.binom.cdf(low, discordant, 0.5) > 0.025  # the largest split that is told from half and half
        total += (
            weight
            * stats.binom.pmf(outcomes[(outcomes <= low) | (outcomes >= discordant - low)], discordant, share).sum()
        )
    return total


@pytest.mark.parametrize(("n", "disagreement"), [(3000, 0.03), (1000, 0.08), (400, 0.2)])
def test_four_times_in_five_the_exact_test_sees_it(n, disagreement):
    """The exact test is a little more careful than the formula's approximation."""
    found = visible_difference(n, disagreement)
    assert 0.74 < exact_power(n, disagreement, found) < 0.82
    half = visible_difference(n, disagreement, power=0.5)
    assert 0.42 < exact_power(n, disagreement, half) < 0.53


@given(st.integers(200, 100_000), st.floats(0.005, 0.5), st.floats(0.5, 0.95))
def test_it_solves_connors_equation(n, disagreement, power):
    found = visible_difference(n, disagreement, power)
    if found < disagreement:  # else so few reviews see nothing at this rate
        z_a, z_b = stats.norm.ppf(0.975), stats.norm.ppf(power)
        needed = (z_a * disagreement**0.5 + z_b * (disagreement - found**2) ** 0.5) ** 2 / found**2
        assert needed == pytest.approx(n, rel=1e-6)
    assert visible_difference(2 * n, disagreement, power) <= found


def test_what_makes_no_sense_is_refused():
    assert visible_difference(100, 0.0) == 0
    for wrong in ((0, 0.1, 0.8), (10, 1.1, 0.8), (10, 0.1, 1.0)):
        with pytest.raises(ValueError, match="reviews"):
            visible_difference(*wrong)
