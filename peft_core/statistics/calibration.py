"""Does a probability mean what it says, and what does another threshold change? numpy only.

Reliability diagram and expected calibration error (ECE) after Guo, Pleiss, Sun, Weinberger, *On Calibration of Modern
Neural Networks*, ICML 2017, section 2. In all functions `positive` is p("positive") of every review and `labels` its
true label, 0 or 1; both have the shape (n,).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from peft_core.statistics.intervals import wilson
from peft_core.statistics.paired_test import LEVEL

BINS = 10
DRAWS = 2_000  # of a perfectly calibrated model's answers


@dataclass(frozen=True)
class Bin:
    """The reviews whose probability lies within (low, high]: what was predicted, and what was true.

    `mean_predicted` is their mean probability of "positive", `observed` the share that is positive, with its 95%
    Wilson interval [observed_low, observed_high].
    """

    low: float
    high: float
    count: int
    mean_predicted: float
    observed: float
    observed_low: float
    observed_high: float


def within(positive: np.ndarray, labels: np.ndarray, low: float, high: float) -> Bin | None:
    """The reviews with low < p ≤ high (with low = 0, p = 0 is among them); None if there are none."""
    inside = (positive > low) & (positive <= high) | ((positive == 0) & (low == 0))
    count = int(inside.sum())
    if count == 0:
        return None
    share = wilson(int(labels[inside].sum()), count)
    return Bin(low, high, count, float(positive[inside].mean()), share.accuracy, share.low, share.high)


def reliability(positive: np.ndarray, labels: np.ndarray, bins: int = BINS) -> tuple[Bin, ...]:
    """The bins of a reliability diagram over p("positive"), of equal width; empty ones are left out."""
    found = (within(positive, labels, float(low), float(high)) for low, high in pairwise(np.linspace(0, 1, bins + 1)))
    return tuple(b for b in found if b)


def expected_calibration_error(positive: np.ndarray, labels: np.ndarray, bins: int = BINS) -> float:
    """ECE = Σₘ |Bₘ|/n · |accuracy(Bₘ) − confidence(Bₘ)|, equation 3 of Guo et al. 2017.

    The confidence of a review is the probability of the label that was predicted, max(p, 1 − p), so with two labels
    only the bins above 0.5 are ever filled. 0: confidence and accuracy agree in every bin.
    """
    confidence, number = _confidence(positive, bins)
    right = (np.asarray(positive) > 0.5) == (np.asarray(labels) == 1)
    gap = np.bincount(number, weights=right - confidence, minlength=bins)  # |Bₘ|·(accuracy − confidence)
    return float(np.abs(gap).sum() / len(confidence))


def _confidence(positive: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Of each review the probability of the label that was predicted, and its bin: number m holds (m/M, (m + 1)/M]."""
    confidence = np.maximum(positive, 1 - np.asarray(positive))
    return confidence, np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidence)


@dataclass(frozen=True)
class PerfectEce:
    """The ECE of a perfectly calibrated model with the same probabilities: on average, and of 95 in 100 at most.

    It is never 0: accuracy in a bin of finite size misses the confidence by chance, and the ECE adds up sizes only.
    """

    mean: float
    most: float


def perfect_ece(positive: np.ndarray, bins: int = BINS, draws: int = DRAWS, seed: int = 0) -> PerfectEce:
    """Simulate answers that are right exactly as often as these probabilities say, and take the ECE of each draw."""
    confidence, number = _confidence(positive, bins)
    order = np.argsort(number, kind="stable")
    confidence = confidence[order]
    starts = np.flatnonzero(np.diff(number[order], prepend=-1))  # where each bin that is not empty begins
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        right = generator.random(len(confidence)) < confidence
        found.append(np.abs(np.add.reduceat(right - confidence, starts)).sum() / len(confidence))
    return PerfectEce(float(np.mean(found)), float(np.quantile(found, 1 - LEVEL)))


@dataclass(frozen=True)
class Confusion:
    """How many reviews got which answer, where "positive" is said above `threshold`."""

    threshold: float
    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    @property
    def n(self) -> int:
        return self.true_positive + self.false_positive + self.false_negative + self.true_negative

    @property
    def called_positive(self) -> int:
        return self.true_positive + self.false_positive

    @property
    def accuracy(self) -> float:
        return (self.true_positive + self.true_negative) / self.n

    @property
    def precision(self) -> float | None:
        """Share of the reviews called positive that are; None if none was."""
        return self.true_positive / self.called_positive if self.called_positive else None

    @property
    def recall(self) -> float | None:
        """Share of the positive reviews that were called so; None if there is none."""
        truly = self.true_positive + self.false_negative
        return self.true_positive / truly if truly else None


def confusion(positive: np.ndarray, labels: np.ndarray, threshold: float = 0.5) -> Confusion:
    """Count right and wrong answers at a threshold: "positive" is said if p > threshold."""
    said, true = np.asarray(positive) > threshold, np.asarray(labels) == 1
    pairs = ((said & true), (said & ~true), (~said & true), (~said & ~true))
    return Confusion(threshold, *(int(pair.sum()) for pair in pairs))


def threshold_curve(positive: np.ndarray, labels: np.ndarray, thresholds: Sequence[float]) -> list[Confusion]:
    """One `Confusion` a threshold."""
    return [confusion(positive, labels, threshold) for threshold in thresholds]
