"""Two models on the same reviews: only where they differ counts."""

import numpy as np
import pytest

from peft_core.statistics.paired_test import paired_test


@pytest.mark.parametrize(("first", "second", "p"), [(117, 98, 0.22), (117, 89, 0.06), (133, 124, 0.62), (0, 0, 1.0)])
def test_mcnemar_counts_only_where_the_two_differ(first, second, p):
    rng = np.random.default_rng(0)
    pairs = [(True, False)] * first + [(False, True)] * second + [(True, True)] * 50 + [(False, False)] * 20
    a, b = np.array(pairs)[rng.permutation(len(pairs))].T
    result = paired_test(a, b)
    assert (result.only_first, result.only_second) == (first, second)
    assert result.p == pytest.approx(p, abs=0.006)  # the three of docs/log.md
    assert paired_test(b, a).p == pytest.approx(result.p)


def test_answers_to_other_reviews_cannot_be_paired():
    for first, second in (([True], [True, False]), ([True, False], [True])):
        with pytest.raises(ValueError, match="paired"):
            paired_test(first, second)
