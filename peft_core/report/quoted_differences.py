"""The report's own differences, tested from what it prints: totals out of 25,000. No torch here.

Which reviews each model had right is not known, so no paired test can be made. What can be said:

    two-proportion z-test     as if each model had answered 25,000 reviews of its own
    bounds of the paired test the two models disagree on at least |D| reviews (D: difference of right answers) and at
                              most on as many as their wrong answers allow; the exact McNemar test at both ends, and
                              the number of disagreements up to which it would find a difference
    our own disagreement      on how many reviews two runs of ours with these settings disagree: no more than a hint
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from peft_core.checkpoints.record import RunRecord
from peft_core.report.our_disagreement import our_disagreement
from peft_core.report.quoted import TEST_REVIEWS, Quoted, quoted_rows
from peft_core.statistics.formats import p_text, points
from peft_core.statistics.intervals import newcombe
from peft_core.statistics.paired_test import LEVEL

SMALL = 0.005  # accuracies of one method that are closer than this are what the report's reader would compare


@dataclass(frozen=True)
class QuotedDifference:
    """Two rows of the report, the better first. Shares are 0…1; `p` and `z` of the two-proportion z-test.

    `low`, `high`: 95% interval of the difference of two independent samples (Newcombe 1998). `p_at_most_apart`: p if
    the printed figures hide as large a difference as they can. `ours`: `our_disagreement` of the two settings.
    """

    first: Quoted
    second: Quoted
    difference: float
    low: float
    high: float
    z: float
    p: float
    p_at_most_apart: float
    ours: float | None = None

    @property
    def reviews(self) -> int:
        """Right answers that the first has more, of 25,000."""
        return self.first.correct - self.second.correct

    @property
    def slack(self) -> int:
        """How many more that may be, since printed figures are rounded or cut off."""
        return self.first.slack + self.second.slack

    @property
    def fewest_disagreements(self) -> int:
        """If the first has right whatever the second has right."""
        return self.reviews

    @property
    def most_disagreements(self) -> int:
        """If as few reviews as possible are right, or wrong, in both."""
        a, b = self.first.correct, self.second.correct
        return min(a, TEST_REVIEWS - b) + min(b, TEST_REVIEWS - a)

    def paired_p(self, disagreements: int) -> float:
        """The exact McNemar test, if they disagreed on so many reviews (rounded down to what the difference allows)."""
        return mcnemar_p(self.reviews, disagreements)

    @property
    def most_significant(self) -> int | None:
        """The most disagreements with which the paired test would say p < 0.05; None: it could not with any."""
        return most_significant(self.reviews, self.most_disagreements)

    @property
    def as_ours(self) -> int | None:
        """On how many reviews they disagreed if as often as two of our runs, as far as the difference allows that."""
        if self.ours is None:
            return None
        return min(max(round(self.ours * TEST_REVIEWS), self.fewest_disagreements), self.most_disagreements)

    @property
    def sentence(self) -> str:
        """What may be said of the two."""
        hidden = f" (up to {self.reviews + self.slack:,}, as they are printed)" if self.slack else ""
        told = (
            f"{self.first.label}, {self.first.percent}%, and {self.second.label}, {self.second.percent}%, are "
            f"{self.reviews:,} of {TEST_REVIEWS:,} right answers apart{hidden}. Had each answered reviews of its own, "
            f"{p_text(self.p)} (two-proportion z-test; 95% interval of the difference {points(self.low)} to "
            f"{points(self.high)} points): "
        )
        told += (
            "as two samples chance can explain it." if self.p >= LEVEL else "more than the choice of reviews explains."
        )
        limit = self.most_significant
        if limit is None:
            told += " On the same reviews no paired test could find a difference."
        elif limit == self.most_disagreements:
            told += " On the same reviews a paired test would find it, however many answers differ."
        else:
            told += (
                f" They answered the same reviews, and which ones right is not said: a paired test would find a "
                f"difference if the two disagreed on at most {limit:,} of them ({limit / TEST_REVIEWS:.1%}), and none "
                f"if they disagreed on more."
            )
            if self.as_ours is not None:
                p = self.paired_p(self.as_ours)
                told += (
                    f" Had they disagreed as rarely as two of our runs ({self.ours:.1%}), chance "
                    f"{'could explain it, too' if p >= LEVEL else 'could not'}: {p_text(p)}."
                )
        return (
            f"{told} One seed each, and, as far as the report's numbers tell, each the best of ten epochs on these "
            "very reviews."
        )


def quoted_difference(one: Quoted, other: Quoted, runs: Iterable[RunRecord] = ()) -> QuotedDifference:
    """Test the difference of two rows of the report, in either order; `runs`: as for `our_disagreement`."""
    first, second = sorted((one, other), key=lambda row: -row.correct)
    low, high = newcombe(first.measured, second.measured)
    apart = first.correct - second.correct
    z, p = two_proportions(first.correct, second.correct, TEST_REVIEWS)
    most = two_proportions(first.correct + first.slack, second.correct - second.slack, TEST_REVIEWS)[1]
    ours = our_disagreement(first, second, runs)
    return QuotedDifference(first, second, apart / TEST_REVIEWS, low, high, z, p, most, ours)


def quoted_differences(runs: Iterable[RunRecord] = ()) -> tuple[QuotedDifference, ...]:
    """The difference of every two rows of one method that are less than half a point apart."""
    pairs, runs = combinations(quoted_rows(), 2), tuple(runs)
    alike = [(a, b) for a, b in pairs if a.method.method == b.method.method]
    near = [quoted_difference(a, b, runs) for a, b in alike if abs(a.correct - b.correct) < SMALL * TEST_REVIEWS]
    return tuple(near)


def two_proportions(correct_1: int, correct_2: int, n: int) -> tuple[float, float]:
    """(z, two-sided p) of the z-test for two independent samples of n: z = (p₁ − p₂) / √(2·p̄·(1 − p̄)/n)."""
    from scipy.stats import norm

    mean = (correct_1 + correct_2) / (2 * n)
    error = (2 * mean * (1 - mean) / n) ** 0.5
    z = (correct_1 - correct_2) / n / error if error else 0.0
    return z, float(2 * norm.sf(abs(z)))


def mcnemar_p(difference: int, disagreements: int) -> float:
    """The exact McNemar test of b − c = `difference` and b + c = `disagreements`, one less if that is no whole split.

    Raises:
        ValueError: with fewer disagreements than the difference.
    """
    from scipy.stats import binomtest

    apart = abs(difference)
    if disagreements < apart:
        raise ValueError(f"{disagreements} disagreements cannot make a difference of {apart}")
    disagreements -= (disagreements - apart) % 2
    return float(binomtest((disagreements + apart) // 2, disagreements).pvalue) if disagreements else 1.0


def most_significant(difference: int, most: int) -> int | None:
    """The largest number of disagreements, up to `most`, with which p < 0.05. None: there is none.

    p grows with the disagreements that a given difference is hidden among, so bisection finds it.
    """
    apart = abs(difference)
    low, high = 0, (most - apart) // 2  # pairs of reviews that cancel out
    if mcnemar_p(apart, apart) >= LEVEL:
        return None
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if mcnemar_p(apart, apart + 2 * middle) < LEVEL else (low, middle - 1)
    return apart + 2 * low
