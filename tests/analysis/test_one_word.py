"""What one word does, against counting by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peft_core.analysis.one_word import agreement, moves, rank_correlation

shares = st.integers(0, 20).map(lambda n: n / 20)


def test_the_ends_the_spread_and_the_distance_from_the_base():
    found = moves([0.5, 0.9, 0.2], [0.4, 0.3, 0.1])
    assert (found.lowest, found.highest) == (2, 1)
    assert found.spread == pytest.approx(0.7)
    assert found.change == pytest.approx((0.1 + 0.6 + 0.1) / 3)
    assert found.order == pytest.approx(0.5)  # ranks 2 3 1 and 3 2 1: 1 − 6 · (1 + 1 + 0) / (3 · 8)
    assert moves([0.4, 0.3], [0.4, 0.3]).change == 0


@given(st.lists(st.tuples(shares, shares), min_size=2, max_size=12))
def test_rank_correlation_is_pearsons_of_average_ranks(pairs):
    first, second = zip(*pairs, strict=True)

    def ranks(values):  # by counting: how many are below, and half of the ties
        return [sum(v < x for v in values) + (sum(v == x for v in values) + 1) / 2 for x in values]

    r, s = ranks(first), ranks(second)
    middle = (len(pairs) + 1) / 2
    over = sum((a - middle) * (b - middle) for a, b in zip(r, s, strict=True))
    under = (sum((a - middle) ** 2 for a in r) * sum((b - middle) ** 2 for b in s)) ** 0.5
    if under == 0:
        assert rank_correlation(first, second) is None
    else:
        assert rank_correlation(first, second) == pytest.approx(over / under)


def test_agreement_is_the_mean_of_all_pairs():
    p = [[0.1, 0.2, 0.3], [0.2, 0.4, 0.9], [0.9, 0.5, 0.1]]
    assert agreement(p) == pytest.approx((1 - 1 - 1) / 3)
    assert agreement([*p, [0.5, 0.5, 0.5]]) == pytest.approx((1 - 1 - 1) / 3)
    assert agreement(p[:1]) is None
