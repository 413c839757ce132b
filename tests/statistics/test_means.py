"""A few runs a method: the t-interval and Welch's test against scipy, and how often they hold the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from peft_core.statistics.means import difference_of_means, mean_of_runs

VALUES = st.lists(st.floats(0.5, 0.99), min_size=2, max_size=6, unique=True).filter(lambda v: np.std(v) > 1e-4)


@given(VALUES)
def test_the_interval_of_a_mean_is_students(values):
    found = mean_of_runs(values)
    wanted = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))
    assert (found.value, found.median, found.n) == pytest.approx((np.mean(values), np.median(values), len(values)))


@given(VALUES, VALUES)
def test_the_difference_of_two_means_is_welchs(first, second):
    found = difference_of_means(first, second)
    wanted = stats.ttest_ind(first, second, equal_var=False)
    interval = wanted.confidence_interval(0.95)
    assert found.p == pytest.approx(wanted.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    back = difference_of_means(second, first)
    assert (back.value, back.low, back.high) == pytest.approx((-found.value, -found.high, -found.low))


def test_with_one_run_nothing_says_what_another_would_change():
    alone = mean_of_runs([0.9])
    assert (alone.value, alone.low, alone.high, alone.n) == (0.9, None, None, 1)
    for runs in (([0.9], [0.8, 0.81]), ([0.9, 0.91], [0.8]), ([0.9], [0.8])):
        found = difference_of_means(*runs)
        assert found.value == pytest.approx(np.mean(runs[0]) - np.mean(runs[1]))
        assert (found.low, found.high, found.p) == (None, None, None)
    with pytest.raises(ValueError, match="no runs"):
        mean_of_runs([])
    with pytest.raises(ValueError, match="no runs"):
        difference_of_means([], [0.5])


def test_runs_that_do_not_vary_leave_no_doubt():
    assert difference_of_means([0.5, 0.5], [0.25, 0.25]).p == 0
    assert difference_of_means([0.5, 0.5], [0.5, 0.5]).p == 1


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """Three seeds of one method and three of another, which differ by 0.02."""
    generator = np.random.default_rng(0)
    hits = 0
    for _ in range(1000):
        found = difference_of_means(list(generator.normal(0.9, 0.01, 3)), list(generator.normal(0.88, 0.02, 3)))
        hits += found.low <= 0.02 <= found.high
    assert 0.93 < hits / 1000 < 0.985  # Welch's is a little careful with so few
