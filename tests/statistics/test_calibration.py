"""Reliability and thresholds are counts that obey laws."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peft_core.statistics.calibration import (
    confusion,
    expected_calibration_error,
    perfect_ece,
    reliability,
    threshold_curve,
    within,
)

probability = st.floats(0, 1, width=32)
answered = st.lists(st.tuples(probability, st.integers(0, 1)), min_size=1, max_size=80)
bins = st.integers(1, 20)
patient = settings(deadline=None)  # the first example imports what the others have


def arrays(pairs):
    return np.array([p for p, _ in pairs], dtype=float), np.array([y for _, y in pairs])


@patient
@given(answered, bins)
def test_every_review_is_in_one_bin_and_each_bin_says_what_is_in_it(pairs, number):
    positive, labels = arrays(pairs)
    found = reliability(positive, labels, number)
    assert sum(b.count for b in found) == len(pairs)
    assert sum(b.count * b.observed for b in found) == pytest.approx(labels.sum())
    assert sum(b.count * b.mean_predicted for b in found) == pytest.approx(positive.sum())
    for b in found:
        assert b.count > 0
        assert b.low - 1e-9 <= b.mean_predicted <= b.high + 1e-9
        assert 0 <= b.observed_low <= b.observed <= b.observed_high <= 1


@patient
@given(answered, bins, st.randoms(use_true_random=False))
def test_ece_is_a_share_and_does_not_depend_on_the_order(pairs, number, random):
    ece = expected_calibration_error(*arrays(pairs), number)
    assert 0 <= ece <= 1
    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert expected_calibration_error(*arrays(shuffled), number) == pytest.approx(ece)


@patient
@given(answered, bins)
def test_ece_by_the_definition(pairs, number):
    """Bin by bin, as equation 3 of Guo et al. 2017 is written."""
    positive, labels = arrays(pairs)
    edges = np.linspace(0, 1, number + 1)
    confidence = np.maximum(positive, 1 - positive)
    right = (positive > 0.5) == (labels == 1)
    by_definition = 0.0
    for low, high in pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            by_definition += inside.sum() / len(pairs) * abs(right[inside].mean() - confidence[inside].mean())
    assert expected_calibration_error(positive, labels, number) == pytest.approx(by_definition)


@patient
@given(st.integers(1, 60), st.integers(0, 60), bins)
def test_whoever_always_says_the_base_rate_is_calibrated(n, k, number):
    k = min(k, n)
    labels = np.array([1] * k + [0] * (n - k))
    assert expected_calibration_error(np.full(n, k / n), labels, number) == pytest.approx(0, abs=1e-9)


def test_a_calibrated_model_is_on_the_diagonal_and_an_overconfident_one_is_not():
    generator = np.random.default_rng(0)
    positive = generator.uniform(size=20_000)
    labels = (generator.uniform(size=20_000) < positive).astype(int)
    assert expected_calibration_error(positive, labels) < 0.01
    assert all(b.observed_low - 0.02 < b.mean_predicted < b.observed_high + 0.02 for b in reliability(positive, labels))
    bolder = np.where(positive > 0.5, 0.99, 0.01)
    assert expected_calibration_error(bolder, labels) == pytest.approx(0.99 - 0.75, abs=0.01)


@patient
@given(answered, probability)
def test_a_confusion_counts_every_review_once_and_its_shares_are_ratios_of_counts(pairs, threshold):
    positive, labels = arrays(pairs)
    c = confusion(positive, labels, threshold)
    assert c.n == len(pairs)
    assert c.true_positive + c.false_negative == labels.sum()
    assert c.called_positive == (positive > threshold).sum()
    assert c.accuracy == pytest.approx(((positive > threshold) == labels).mean())
    assert (c.precision is None) == (c.called_positive == 0)
    assert (c.recall is None) == (labels.sum() == 0)


@patient
@given(answered)
def test_a_higher_threshold_calls_fewer_reviews_positive(pairs):
    curve = threshold_curve(*arrays(pairs), np.linspace(0, 1, 21))
    called = [c.called_positive for c in curve]
    recall = [c.recall or 0 for c in curve]
    assert called == sorted(called, reverse=True)
    assert recall == sorted(recall, reverse=True)


def test_about_90_percent():
    positive, labels = np.array([0.85, 0.86, 0.9, 0.95, 0.96, 0.0]), np.array([0, 1, 0, 1, 1, 0])
    found = within(positive, labels, 0.85, 0.95)
    assert (found.count, found.observed) == (3, pytest.approx(2 / 3))
    assert within(positive, labels, 0.0, 0.1).count == 1  # the lowest bin has its lower end
    assert within(positive, labels, 0.3, 0.4) is None


def test_a_perfectly_calibrated_model_has_no_ece_of_0():
    """Drawn here label by label: "positive" is true exactly as often as the probability says."""
    generator = np.random.default_rng(3)
    positive = generator.beta(0.4, 0.4, 300)
    drawn = [expected_calibration_error(positive, generator.random(300) < positive) for _ in range(3000)]
    found = perfect_ece(positive)
    assert found.mean == pytest.approx(np.mean(drawn), rel=0.03)
    assert found.most == pytest.approx(np.quantile(drawn, 0.95), rel=0.05)
    assert 0.005 < found.mean < found.most
    assert perfect_ece(positive) == found  # seeded
    assert perfect_ece(np.repeat(positive, 16)).mean == pytest.approx(found.mean / 4, rel=0.1)  # as 1/√n
    assert perfect_ece(np.array([0.0, 1.0])).most == 0
