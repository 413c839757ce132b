"""Many pairs at once: Holm's procedure against its own definition, and how often it is wrong."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peft_core.statistics.many_tests import all_pairs, holm
from peft_core.statistics.paired_test import paired_test

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=7)


def rejected(p_values, level):
    """Holm 1979 as a procedure: go on from the smallest p while p ≤ level / (tests that are left)."""
    left, found = list(range(len(p_values))), set()
    while left:
        smallest = min(left, key=lambda i: p_values[i])
        if p_values[smallest] > level / len(left):
            break
        found.add(smallest)
        left.remove(smallest)
    return found


def closed_test(p_values):
    """The same from another idea: a pair counts if Bonferroni rejects every set of hypotheses that it belongs to."""
    tests = range(len(p_values))
    sets = [each for size in range(1, len(p_values) + 1) for each in combinations(tests, size)]
    return [max(min(1, len(s) * min(p_values[j] for j in s)) for s in sets if i in s) for i in tests]


@given(P_VALUES, st.floats(0.001, 0.3))
def test_the_adjusted_p_is_below_the_level_where_the_procedure_rejects(p_values, level):
    adjusted = holm(p_values)
    margin = [abs(p - level) > 1e-9 for p in adjusted]
    assert {i for i, p in enumerate(adjusted) if p <= level and margin[i]} == {
        i for i in rejected(p_values, level) if margin[i]
    }


@given(P_VALUES)
def test_holm_is_the_closed_test_of_bonferroni(p_values):
    assert holm(p_values) == pytest.approx(closed_test(p_values))


def test_of_no_test_and_of_one_nothing_changes():
    assert holm([]) == ()
    assert holm([0.03]) == (0.03,)
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))  # 3 · 0.01; 2 · 0.03; 1 · 0.04 is below that


def test_of_equally_good_models_some_pair_looks_different_and_holm_says_so_rarely():
    """Six models that are right on the same share of reviews, again and again."""
    generator = np.random.default_rng(0)
    alone = corrected = 0
    for _ in range(40):
        right = {f"model {i}": row for i, row in enumerate(generator.random((6, 300)) < 0.8)}
        found = all_pairs(right)
        alone += any(pair.test.p < 0.05 for pair in found)
        corrected += any(pair.told_apart for pair in found)
    assert alone > 8
    assert corrected <= 5  # at most 5%, by chance a little more


def test_every_pair_is_there_once_with_its_own_test():
    generator = np.random.default_rng(1)
    right = {name: generator.random(200) < share for name, share in (("a", 0.6), ("b", 0.8), ("c", 0.9))}
    found = all_pairs(right)
    assert [(pair.first, pair.second) for pair in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    for pair in found:
        assert pair.test == paired_test(right[pair.first], right[pair.second])
        assert pair.p_holm >= pair.test.p
        assert pair.told_apart is (pair.p_holm < 0.05)
