"""Subspace similarity: the laws of φ, and what chance gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peft_core.analysis.spectra.delta import DenseDelta, LowRankDelta
from peft_core.analysis.spectra.similarity import (
    check_comparable,
    directions,
    expected_by_chance,
    simulated_by_chance,
    smaller,
    subspace_similarity,
)
from peft_core.checkpoints.run_json import read_record
from peft_core.errors import PeftClassroomError
from peft_core.paths import SHIPPED_CHECKPOINTS
from peft_core.t5.names import matrix

NAME = matrix("decoder", 1, "cross-attention", "v")


def lora(a: np.ndarray, seed: int = 0, scaling: float = 1.0) -> LowRankDelta:
    return LowRankDelta(NAME, np.random.default_rng(seed).standard_normal((5, len(a))), a, scaling)


@st.composite
def pairs(draw):
    """A and another A in the same space, random, so that their singular values differ."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    d = draw(st.integers(2, 8))
    return tuple(rng.standard_normal((draw(st.integers(1, d)), d)) for _ in range(2))


def phi(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return subspace_similarity(directions(lora(first)), directions(lora(second)))


@settings(deadline=None)
@given(pairs())
def test_each_cell_is_the_papers_formula(pair):
    u, w = (np.linalg.svd(a, full_matrices=False)[2].T for a in pair)
    table = phi(*pair)
    assert table.shape == (u.shape[1], w.shape[1])
    for i in range(1, table.shape[0] + 1):
        for j in range(1, table.shape[1] + 1):
            direct = np.linalg.norm(u[:, :i].T @ w[:, :j]) ** 2 / min(i, j)
            assert np.isclose(table[i - 1, j - 1], direct, atol=1e-12)
    assert np.array_equal(smaller(2, 3), [[1, 1, 1], [1, 2, 2]])


@settings(deadline=None)
@given(pairs())
def test_it_lies_between_0_and_1_and_swapping_the_two_turns_the_table(pair):
    table = phi(*pair)
    assert (table >= 0).all() and (table <= 1).all()
    assert np.allclose(table.T, phi(pair[1], pair[0]), atol=1e-12)


@settings(deadline=None)
@given(pairs(), st.floats(0.001, 1000), st.integers(0, 2**32 - 1))
def test_neither_scale_nor_rotation_of_the_rows_nor_of_the_space_matters(pair, scale, seed):
    """Q·A spans what A spans, σ by σ; turning the whole space turns both subspaces alike."""
    first, second = pair
    rng = np.random.default_rng(seed)
    rows = np.linalg.qr(rng.standard_normal((len(first),) * 2))[0]
    space = np.linalg.qr(rng.standard_normal((first.shape[1],) * 2))[0]
    table = phi(first, second)
    assert np.allclose(phi(scale * first, second), table, atol=1e-6)
    assert np.allclose(phi(-rows @ first, second), table, atol=1e-6)
    assert np.allclose(phi(first @ space, second @ space), table, atol=1e-6)


@settings(deadline=None)
@given(pairs())
def test_a_subspace_is_wholly_within_itself_and_within_a_larger_one(pair):
    table = phi(pair[0], pair[0])
    assert np.allclose(np.diag(table), 1) and np.allclose(table, 1)
    square = np.random.default_rng(0).standard_normal((pair[0].shape[1],) * 2)
    assert np.allclose(phi(pair[0], square)[:, -1], 1)  # the last column: the whole space


def test_orthogonal_subspaces_have_nothing_in_common():
    assert np.allclose(phi(np.eye(2, 5), np.eye(5)[2:]), 0)


def test_directions_that_a_matrix_does_not_have_are_left_out():
    a = np.array([[1.0, 0, 0], [2.0, 0, 0], [0, 1.0, 0]])
    assert directions(lora(a)).shape == (3, 2)
    dense = DenseDelta(NAME, np.outer([1.0, 2], [0, 3.0, 4]))
    assert np.allclose(np.abs(directions(dense, "dW")), [[0], [0.6], [0.8]])
    delta = lora(np.random.default_rng(1).standard_normal((3, 6)))
    span_a, span_w = directions(delta, "A"), directions(delta, "dW")
    assert np.allclose(span_a @ span_a.T, span_w @ span_w.T)  # of all rows: the same subspace, in another order


@pytest.mark.parametrize(
    ("delta", "of", "sentence"),
    [
        (DenseDelta(NAME, np.ones((2, 3))), "A", "Only LoRA has a factor A"),
        (DenseDelta(NAME, np.zeros((2, 3))), "dW", "decoder.1.cross_attention.v as it was"),
        (LowRankDelta(NAME, np.zeros((2, 1)), np.ones((1, 3)), 2.0), "dW", "as it was"),
    ],
)
def test_what_has_no_directions_is_refused(delta, of, sentence):
    with pytest.raises(PeftClassroomError, match=sentence):
        directions(delta, of)


def test_another_base_model_is_refused():
    record = read_record(SHIPPED_CHECKPOINTS / "lora-8")
    check_comparable(record, record)
    with pytest.raises(PeftClassroomError, match="Choose two checkpoints on the same base model"):
        check_comparable(record, record.model_copy(update={"base_fingerprint": "0" * 64}))


def test_other_spaces_are_refused():
    with pytest.raises(PeftClassroomError, match="of 3 and of 4"):
        subspace_similarity(np.eye(3), np.eye(4))


@settings(max_examples=20)
@given(st.integers(4, 20), st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_chance_gives_max_i_j_over_d(d, rows, columns, seed):
    """The mean of 400 draws, within six standard errors: φ is within 0 and 1, so its deviation is below √(m(1 − m))."""
    simulated = simulated_by_chance(d, rows, columns, draws=400, seed=seed)
    expected = expected_by_chance(d, rows, columns)
    assert expected[0, columns - 1] == columns / d
    assert (np.abs(simulated.mean - expected) <= 6 * np.sqrt(expected * (1 - expected) / 400) + 1e-9).all()
    assert (simulated.low <= simulated.mean + 1e-12).all() and (simulated.mean <= simulated.high + 1e-12).all()
    again = simulated_by_chance(d, rows, columns, draws=400, seed=seed)
    assert np.array_equal(again.mean, simulated.mean)


def test_the_limits_of_a_single_direction_are_exact():
    """φ(1, 1) is the squared cosine of a random direction: with d = 3 it is uniform in √φ (Archimedes), and in 384
    dimensions its upper limit is 0.0130, whatever is simulated beside it; 20,000 directions of our own agree."""
    space = simulated_by_chance(3, 1, 1, draws=10)
    assert np.isclose(space.low[0, 0], 0.025**2) and np.isclose(space.high[0, 0], 0.975**2)
    assert simulated_by_chance(4, 2, 4, draws=10).low[0, 3] == 1  # the whole space
    limits = [simulated_by_chance(384, *sizes, draws=10, seed=seed) for seed, sizes in enumerate([(1, 8), (8, 1)])]
    assert np.allclose(limits[0].high[0], limits[1].high[:, 0])
    drawn = np.random.default_rng(5).standard_normal((20_000, 384)) ** 2
    shares = drawn.cumsum(1)[:, :8] / drawn.sum(1, keepdims=True)
    low, high = np.quantile(shares, (0.025, 0.975), axis=0)
    assert round(limits[0].high[0, 0], 4) == 0.0130
    assert np.allclose(limits[0].high[0], high, rtol=0.04) and np.allclose(limits[0].low[0, 1:], low[1:], rtol=0.2)
