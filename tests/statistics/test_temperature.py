"""Temperature scaling: finds a temperature that is known, is honest about where it looked, changes no verdict."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peft_core.statistics.temperature import HIGHEST, LOWEST, at_temperature, fit_temperature, fitted_on_half, log_loss

PROBABILITIES = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def reviews(true_temperature, n=20_000, seed=0):
    """Probabilities that are too sure, or not sure enough, by a factor that is known."""
    generator = np.random.default_rng(seed)
    z = generator.normal(0.3, 2, n)
    return sigmoid(z * true_temperature), (generator.random(n) < sigmoid(z)).astype(int)


@pytest.mark.parametrize("true", [0.4, 1.0, 2.5])
def test_a_known_temperature_is_found(true):
    positive, labels = reviews(true)
    assert fit_temperature(positive, labels) == pytest.approx(true, rel=0.05)


def test_no_other_temperature_has_a_smaller_loss():
    positive, labels = reviews(1.7, n=500)
    found = log_loss(at_temperature(positive, fit_temperature(positive, labels)), labels)
    tried = [log_loss(at_temperature(positive, t), labels) for t in np.geomspace(LOWEST, HIGHEST, 200)]
    assert found <= min(tried) + 1e-9


@given(PROBABILITIES, st.floats(LOWEST, HIGHEST))
def test_no_temperature_changes_a_verdict_or_an_order(values, temperature):
    positive = np.array(values, dtype=np.float32)
    scaled = at_temperature(positive, temperature)
    assert np.array_equal(scaled > 0.5, positive > 0.5)
    order = np.argsort(positive, kind="stable")
    assert (np.diff(scaled[order]) >= 0).all()


def test_the_loss_is_minus_the_logarithm_of_what_was_true():
    positive, labels = np.array([0.9, 0.2, 0.5, 1.0]), np.array([1, 1, 0, 1])
    assert log_loss(positive, labels) == pytest.approx(-np.log([0.9, 0.2, 0.5, 1.0]).mean(), abs=1e-7)
    assert 16 < log_loss(np.array([0.0]), np.array([1])) < 17  # ln 2²⁴, not infinite: fp32 says nothing surer


def test_it_is_fitted_on_one_half_and_measured_on_the_other():
    positive, labels = reviews(2.0, n=4001)
    found = fitted_on_half(positive, labels)
    assert (found.fitted, found.n) == (2000, 2001)
    assert found.verdicts_changed == 0
    assert found.loss[1] < found.loss[0]
    assert found.ece[1] < found.ece[0]
    order = np.random.default_rng(0).permutation(4001)
    fitted, measured = order[:2000], np.sort(order[2000:])
    changed = labels.copy()
    changed[measured] = 1 - changed[measured]  # what it is measured on has no say
    assert fitted_on_half(positive, changed).temperature == found.temperature == fit_temperature(
        positive[fitted], labels[fitted]
    )  # fmt: skip
    assert np.array_equal(found.before, positive[measured])
    assert np.array_equal(found.labels, labels[measured])
    with pytest.raises(ValueError, match="two reviews"):
        fitted_on_half(positive[:1], labels[:1])
    with pytest.raises(ValueError, match="no reviews"):
        fit_temperature(positive[:0], labels[:0])
