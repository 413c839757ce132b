"""Two models on the same reviews: the paired test's laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peft_core.statistics.paired_test import agresti_min_interval, bootstrap_interval, paired_test

ANSWERS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=80)


@settings(max_examples=60)
@given(ANSWERS)
def test_counts_add_up_and_the_interval_holds_what_was_observed(answers):
    first, second = zip(*answers, strict=True)
    found = paired_test(first, second)
    assert found.n == len(answers)
    assert found.discordant == sum(a != b for a, b in answers)
    assert found.difference == pytest.approx(found.first_accuracy - found.second_accuracy)
    assert found.low - 1e-12 <= found.difference <= found.high + 1e-12
    assert 0 < found.p <= 1


@settings(max_examples=60)
@given(ANSWERS)
def test_exchanging_the_two_mirrors_everything(answers):
    first, second = zip(*answers, strict=True)
    found, swapped = paired_test(first, second), paired_test(second, first)
    assert swapped.p == pytest.approx(found.p)
    assert (swapped.only_first, swapped.only_second) == (found.only_second, found.only_first)
    assert swapped.difference == -found.difference
    if found.difference:
        assert (swapped.low, swapped.high) == (-found.high, -found.low)


@settings(max_examples=20)
@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_a_model_does_not_differ_from_itself(right):
    found = paired_test(right, right)
    assert (found.p, found.difference, found.low, found.high, found.discordant) == (1, 0, 0, 0, 0)


@settings(max_examples=20)
@given(ANSWERS, st.randoms(use_true_random=False))
def test_the_order_of_the_reviews_means_nothing(answers, random):
    shuffled = list(answers)
    random.shuffle(shuffled)
    assert paired_test(*zip(*answers, strict=True)) == paired_test(*zip(*shuffled, strict=True))


def test_the_interval_is_that_of_drawing_reviews_one_by_one():
    from scipy.stats import bootstrap

    only_first, only_second, n = 117, 98, 3000
    scores = np.repeat([1, -1, 0], [only_first, only_second, n - only_first - only_second])
    drawn = bootstrap((scores,), np.mean, n_resamples=10_000, method="percentile", rng=0, batch=500)
    ours = bootstrap_interval(only_first, only_second, n)
    assert ours == pytest.approx(tuple(drawn.confidence_interval), abs=7e-4)
    assert ours == bootstrap_interval(only_first, only_second, n)  # seeded
    assert len({bootstrap_interval(only_first, only_second, n, seed) for seed in range(20)}) > 1  # and drawn


def test_no_reviews_no_answer():
    with pytest.raises(ValueError, match="no reviews"):
        paired_test([], [])


def test_every_count_of_two_models_by_hand():
    first, second = [1, 1, 1, 1, 1, 0, 0, 0], [1, 1, 0, 0, 0, 1, 0, 0]
    found = paired_test(first, second)
    assert (found.both_right, found.only_first, found.only_second, found.both_wrong) == (2, 3, 1, 2)
    assert (found.n, found.discordant, found.difference) == (8, 4, 2 / 8)
    assert (found.first_accuracy, found.second_accuracy) == (5 / 8, 3 / 8)
    assert found.p == 10 / 16  # at least as uneven as 3 : 1 of four fair coins: (4 + 1 + 4 + 1) of 16


def test_the_interval_is_95_percent_of_ten_thousand_draws():
    """Drawn here one by one, from the same generator."""
    only_first, only_second, n = 30, 12, 200
    drawn = np.random.default_rng(5).multinomial(n, np.array([30, 12, 158]) / n, size=10_000)
    wanted = np.quantile((drawn[:, 0] - drawn[:, 1]) / n, (0.025, 0.975))
    assert bootstrap_interval(only_first, only_second, n, seed=5) == tuple(wanted)


def test_whoever_says_no_seed_gets_seed_0():
    """So that two readers of one record are told one interval. (Not every seed gives another one.)"""
    pairs = [(only_first, only_first // 3, 500) for only_first in range(20, 60)]
    assert [bootstrap_interval(*pair) for pair in pairs] == [bootstrap_interval(*pair, seed=0) for pair in pairs]
    assert [bootstrap_interval(*pair, seed=1) for pair in pairs] != [bootstrap_interval(*pair) for pair in pairs]


def test_the_closed_interval_is_wald_s_with_half_a_pair_added_to_each_cell():
    for b, c, n in ((0, 0, 20), (7, 2, 60), (30, 90, 3_000)):
        first, second, m = (b + 0.5) / (n + 2), (c + 0.5) / (n + 2), n + 2
        half = 1.959964 * ((first + second - (first - second) ** 2) / m) ** 0.5
        assert agresti_min_interval(b, c, n) == pytest.approx((first - second - half, first - second + half), abs=1e-6)
