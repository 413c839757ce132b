"""One number that makes a model more, or less, sure, and changes no answer: temperature scaling.

Guo, Pleiss, Sun, Weinberger, *On Calibration of Modern Neural Networks*, ICML 2017, section 4.2: divide the logits by a
temperature T that makes the log loss of held-out answers as small as possible. With two labels p = σ(z) becomes σ(z/T),
where z = ln(p/(1 − p)). T > 1 draws every probability towards one half. z/T has the sign of z: no verdict changes.
"""

from dataclasses import dataclass

import numpy as np

from peft_core.statistics.calibration import expected_calibration_error

LOWEST, HIGHEST = 0.05, 20.0  # temperatures that are tried
SUREST = 2.0**-24  # an fp32 number says no probability nearer to 0 or 1


def at_temperature(positive: np.ndarray, temperature: float) -> np.ndarray:
    """σ(z/T) of every probability, (n,); the answer, p > 0.5, stays."""
    return 1 / (1 + np.exp(-_logit(positive) / temperature))


def log_loss(positive: np.ndarray, labels: np.ndarray) -> float:
    """Mean of −ln p(true label), the cross-entropy that training makes small; 0.69 is a coin's."""
    z = _logit(positive)
    return float(np.logaddexp(0, np.where(np.asarray(labels) == 1, -z, z)).mean())


def _logit(positive: np.ndarray) -> np.ndarray:
    p = np.clip(np.asarray(positive, dtype=np.float64), SUREST, 1 - SUREST)
    return np.log(p) - np.log1p(-p)


def fit_temperature(positive: np.ndarray, labels: np.ndarray) -> float:
    """The T within `LOWEST`…`HIGHEST` with the smallest log loss, of which there is one: the loss is convex in 1/T.

    Args:
        positive, labels: p("positive") of each review and its true label, 0 or 1; both of shape (n,).

    Raises:
        ValueError: without reviews.
    """
    from scipy.optimize import minimize_scalar

    if not len(positive):
        raise ValueError("no reviews, no temperature")
    z = np.where(np.asarray(labels) == 1, -_logit(positive), _logit(positive))
    found = minimize_scalar(
        lambda log_t: np.logaddexp(0, z * np.exp(-log_t)).mean(),
        bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded", options={"xatol": 1e-6},
    )  # fmt: skip
    return float(np.exp(found.x))


@dataclass(frozen=True)
class Scaled:
    """A temperature that `fitted` reviews chose, measured on the others: `before` and `after` are theirs, (n,)."""

    temperature: float
    fitted: int
    before: np.ndarray
    after: np.ndarray
    labels: np.ndarray

    @property
    def n(self) -> int:
        """How many reviews it was measured on."""
        return len(self.labels)

    @property
    def ece(self) -> tuple[float, float]:
        """Expected calibration error, before and after."""
        before, after = (expected_calibration_error(p, self.labels) for p in (self.before, self.after))
        return before, after

    @property
    def loss(self) -> tuple[float, float]:
        """Log loss, before and after."""
        return log_loss(self.before, self.labels), log_loss(self.after, self.labels)

    @property
    def verdicts_changed(self) -> int:
        """How many answers are another one after scaling."""
        return int(((self.before > 0.5) != (self.after > 0.5)).sum())


def fitted_on_half(positive: np.ndarray, labels: np.ndarray, seed: int = 0) -> Scaled:
    """Fit the temperature on one half of the reviews, drawn with `seed`, and measure on the other.

    Raises:
        ValueError: with fewer than two reviews.
    """
    if len(positive) < 2:
        raise ValueError("one half to fit on, one to measure on: two reviews at least")
    order = np.random.default_rng(seed).permutation(len(positive))
    one, other = order[: len(order) // 2], np.sort(order[len(order) // 2 :])
    temperature = fit_temperature(positive[one], labels[one])
    before = np.asarray(positive)[other]
    return Scaled(temperature, len(one), before, at_temperature(before, temperature), np.asarray(labels)[other])
