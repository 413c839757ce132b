"""What one word in a sentence does to p("positive"), and how much of that was in the base model already. No torch here.

The words are given, not drawn from anything, and a model answers the same every time: these numbers describe these
sentences, and have no standard error.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np


@dataclass(frozen=True)
class Moves:
    """Of one model: the numbers of the words with the lowest and the highest probability, and what lies between."""

    lowest: int
    highest: int
    spread: float  # highest − lowest
    change: float  # mean of |p − p of the base model| over the words
    order: float | None  # rank correlation with the base model


def moves(p: Sequence[float], base: Sequence[float]) -> Moves:
    """p("positive") of a model and of its base, one number a word."""
    ours, theirs = np.asarray(p), np.asarray(base)
    low, high = int(ours.argmin()), int(ours.argmax())
    change = float(np.abs(ours - theirs).mean())
    return Moves(low, high, float(ours[high] - ours[low]), change, rank_correlation(p, base))


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's: 1 where both have the same order, 0 for unrelated ones. None where one of them has no order."""
    from scipy.stats import rankdata

    ranks = [rankdata(values) for values in (first, second)]
    if any(np.ptp(r) == 0 for r in ranks):
        return None
    return float(np.corrcoef(*ranks)[0, 1])


def agreement(p: Sequence[Sequence[float]]) -> float | None:
    """Mean rank correlation of all pairs of sentences, each with one number a word; None where there is none."""
    pairs = [rank_correlation(*pair) for pair in combinations(p, 2)]
    known = [pair for pair in pairs if pair is not None]
    return sum(known) / len(known) if known else None
