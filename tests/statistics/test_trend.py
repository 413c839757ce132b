"""The line through a class's runs: what it says is held against the truth that the runs were drawn from."""

import numpy as np
import pytest
from scipy.stats import binom, linregress

from peft_core.statistics.trend import LEAST, trend

RANKS = np.log2([1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 16, 32])  # as a class chooses them
LEVEL, REPEATS = 1.4, 600  # log-odds of 80% right; classes that are drawn
HARD = 2.0  # how differently hard the reviews are, in log-odds


def share(y):
    return 1 / (1 + np.exp(-y))


def own_reviews(generator, truth, n):
    """Each run answers reviews of its own: counting is all that makes it miss its truth."""
    return generator.binomial(n, share(truth))


def same_reviews(generator, truth, n):
    """All runs answer the same reviews, some of which are hard for each of them: right answers go together."""
    hard = generator.normal(0, HARD, n)
    able = np.interp(share(truth), *_mean_share())
    return (generator.random((len(truth), n)) < share(able[:, None] - hard)).sum(axis=1)


def _mean_share():
    """(share of the reviews that are right, ability that it takes), over many reviews of every hardness."""
    able, quantiles = np.linspace(-2, 8, 400), np.linspace(-4, 4, 201)
    weights = np.exp(-(quantiles**2) / 2)
    return share(able[:, None] - HARD * quantiles) @ weights / weights.sum(), able


CLASSES = {  # what makes their runs miss, the true slope, how much seeds scatter (τ), reviews of a test
    "counting alone": (own_reviews, 0.0, 0.0, 500),
    "seeds differ": (own_reviews, 0.03, 0.25, 1_000),
    "the same reviews": (same_reviews, 0.05, 0.1, 300),
}
CALM, LIVELY = "counting alone", "seeds differ"


def drawn(kind, x=RANKS, repeats=REPEATS):
    """The right answers of so many classes."""
    answers, slope, tau, n = CLASSES[kind]
    generator = np.random.default_rng(0)
    for _ in range(repeats):
        yield answers(generator, LEVEL + slope * x + generator.normal(0, tau, len(x)), n)


def lines(kind, x=RANKS):
    n = [CLASSES[kind][3]] * len(x)
    return [trend(x, right, n) for right in drawn(kind, x)]


def is_95(count):
    """Whether so many of the drawn classes can be 95%: within what is drawn 999 times in 1,000."""
    low, high = binom.interval(0.999, REPEATS, 0.95)
    return low <= count <= high


@pytest.mark.parametrize("kind", CLASSES)
def test_the_interval_of_the_slope_holds_the_truth_95_times_in_100(kind):
    slope = CLASSES[kind][1]
    assert is_95(sum(found.low <= slope <= found.high for found in lines(kind)))


@pytest.mark.parametrize("x", [[0, 1, 2], [0, 0, 1, 3], [3, 3, 3, 3, 4, 5]], ids=str)
def test_so_does_that_of_a_few_runs(x):
    x = np.array(x, dtype=float)
    assert is_95(sum(found.low <= CLASSES[LIVELY][1] <= found.high for found in lines(LIVELY, x)))


@pytest.mark.parametrize("at", [RANKS.min(), 2.0, RANKS.max()])
def test_the_band_holds_the_accuracy_of_other_runs_on_reviews_of_their_own(at):
    truth = share(LEVEL + CLASSES[LIVELY][1] * at)
    bands = [found.at(at) for found in lines(LIVELY)]
    assert is_95(sum(low <= truth <= high for _, low, high in bands))
    assert all(low <= value <= high for value, low, high in bands)


def test_an_interval_of_counting_alone_would_hold_it_far_less_often():
    """What the check above would say of the usual mistake."""
    n = CLASSES[LIVELY][3]
    slope, held = CLASSES[LIVELY][1], 0
    for right in drawn(LIVELY):
        y, v = np.log(right / (n - right)), 1 / right + 1 / (n - right)
        (found, _), inverse = np.polyfit(RANKS, y, 1, w=1 / np.sqrt(v), cov="unscaled")
        held += abs(found - slope) <= 1.96 * inverse[0, 0] ** 0.5
    assert held < 0.8 * REPEATS


def test_chance_looks_like_a_slope_5_times_in_100():
    assert is_95(sum(not found.told for found in lines(CALM)))


def test_tau_is_found():
    for kind in (CALM, LIVELY):
        tau = CLASSES[kind][2]
        assert np.mean([found.between**2 for found in lines(kind)]) == pytest.approx(tau**2, abs=0.006)


def test_where_all_are_equally_sure_it_is_the_line_of_least_squares():
    """scipy's, of runs that have as many right as wrong."""
    x, right = [0.0, 1.0, 2.0, 3.0, 5.0], [5_000_000, 5_000_300, 4_999_800, 5_000_100, 5_000_400]
    found = trend(x, right, [10_000_000] * 5)
    y = [np.log(k / (10_000_000 - k)) for k in right]
    usual = linregress(x, y)
    assert found.slope == pytest.approx(usual.slope, rel=1e-4)
    assert (found.high - found.low) / 2 == pytest.approx(found.t * usual.stderr, rel=1e-4)
    assert found.a_unit[0] == pytest.approx(usual.slope / 4, rel=1e-4)  # a half times a half


def test_runs_that_agree_to_the_review_are_not_known_without_any_doubt():
    found = trend([0, 1, 2], [400, 400, 400], [500] * 3)
    assert found.slope == pytest.approx(0, abs=1e-12)
    low, high = (500 * end for end in found.a_unit[1:])  # reviews a doubling
    assert low < -1 < 1 < high


def test_all_right_and_all_wrong_have_a_place_on_the_line():
    found = trend([0, 1, 2, 3], [0, 3, 8, 10], [10] * 4)
    assert found.told
    assert 0 < found.at(0)[0] < found.at(3)[0] < 1


def test_two_different_values_are_no_line():
    with pytest.raises(ValueError, match=f"{LEAST} at least"):
        trend([1, 1, 2, 2], [8, 7, 9, 8], [10] * 4)
