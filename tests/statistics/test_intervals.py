"""Intervals of shares and of their differences: examples of the papers, and laws."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from peft_core.statistics.intervals import newcombe, wilson


def test_newcombe_gives_the_example_of_its_paper():
    """56/70 − 48/80, Newcombe 1998, table II, method 10."""
    assert newcombe(wilson(56, 70), wilson(48, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@given(st.integers(1, 400), st.integers(1, 400), st.data())
def test_newcombe_holds_the_difference_and_mirrors(n, m, data):
    first, second = wilson(data.draw(st.integers(0, n)), n), wilson(data.draw(st.integers(0, m)), m)
    low, high = newcombe(first, second)
    assert -1 - 1e-12 <= low <= first.accuracy - second.accuracy <= high <= 1 + 1e-12
    assert newcombe(second, first) == pytest.approx((-high, -low))


patient = settings(deadline=None)  # the first example imports what the others have


@patient
@given(st.integers(1, 5000), st.floats(0, 1))
def test_the_wilson_interval_is_that_of_scipy(n, share):
    correct = round(share * n)
    expected = binomtest(correct, n).proportion_ci(0.95, "wilson")
    ours = wilson(correct, n)
    assert (ours.low, ours.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    for impossible in ((n + 1, n), (-1, n), (0, 0)):
        with pytest.raises(ValueError, match="no share"):
            wilson(*impossible)
