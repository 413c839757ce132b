"""The SVD's laws, over random matrices of every small shape."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from peft_core.analysis.spectra.spectrum import (
    effective_rank,
    energy,
    energy_curve,
    partial_sum,
    residual_norm,
    stable_rank,
    svd_terms,
)
from peft_core.errors import PeftClassroomError

shapes = array_shapes(min_dims=2, max_dims=2, max_side=6)
integers = arrays(np.float64, shapes, elements=st.integers(-9, 9).map(float))  # many of lower rank, many ties
reals = arrays(np.float64, shapes, elements=st.floats(-1e3, 1e3, allow_subnormal=False))
matrices = st.one_of(integers, reals)


@given(matrices)
def test_the_terms_add_up_to_the_matrix_and_are_orthonormal(matrix):
    terms = svd_terms(matrix)
    size = max(1.0, np.abs(matrix).max())
    assert len(terms) == min(matrix.shape)
    assert np.allclose(partial_sum(terms, len(terms)), matrix, atol=1e-9 * size)
    u, v = np.array([t.u for t in terms]), np.array([t.v for t in terms])
    assert np.allclose(u @ u.T, np.eye(len(terms)), atol=1e-9)
    assert np.allclose(v @ v.T, np.eye(len(terms)), atol=1e-9)
    assert np.allclose([t.sigma for t in terms], np.linalg.svd(matrix, compute_uv=False), atol=1e-9 * size)
    assert all(a.sigma >= b.sigma >= 0 for a, b in pairwise(terms))


@given(matrices, st.integers(0, 6))
def test_what_is_missing_is_the_tail_of_the_sigmas(matrix, k):
    terms = svd_terms(matrix)
    part = partial_sum(terms, k)
    size = max(1.0, np.linalg.norm(matrix))
    assert part.shape == matrix.shape
    assert np.linalg.matrix_rank(part, tol=1e-7 * size) <= k
    assert np.isclose(residual_norm(terms, k), np.linalg.norm(matrix - part), atol=1e-8 * size)
    assert 0 <= energy(terms, k) <= 1 + 1e-12
    if k:
        assert energy(terms, k) >= energy(terms, k - 1)
    missing = (1 - energy(terms, k)) * np.linalg.norm(matrix) ** 2
    assert np.isclose(residual_norm(terms, k) ** 2, missing, atol=1e-8 * size**2)


@given(matrices, st.integers(0, 2**32 - 1))
def test_a_product_is_the_sum_of_the_terms_products(matrix, seed):
    x = np.random.default_rng(seed).standard_normal(matrix.shape[1])
    total = sum(t.sigma * (t.v @ x) * t.u for t in svd_terms(matrix))
    assert np.allclose(total, matrix @ x, atol=1e-8 * max(1.0, np.abs(matrix).max()))


@given(matrices, st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_no_random_matrix_of_the_same_rank_is_nearer(matrix, k, seed):
    """Eckart & Young 1936, also against the best fit inside a random subspace, which is a far stronger rival."""
    rng = np.random.default_rng(seed)
    rows, columns = matrix.shape
    directions, _ = np.linalg.qr(rng.standard_normal((rows, min(k, rows))))
    rivals = [
        rng.standard_normal((rows, k)) @ rng.standard_normal((k, columns)),
        directions @ (directions.T @ matrix),
    ]
    best = residual_norm(svd_terms(matrix), k)
    for rival in rivals:
        assert np.linalg.norm(matrix - rival) >= best - 1e-8 * max(1.0, np.linalg.norm(matrix))


@given(matrices)
def test_the_largest_component_of_u_is_positive(matrix):
    for term in svd_terms(matrix):
        largest = np.abs(term.u).max()
        first = next(c for c in term.u if abs(c) >= largest - 1e-9)
        assert first > 0


def test_the_sign_does_not_depend_on_the_sign_that_the_library_chose(monkeypatch):
    matrix = np.array([[3.0, 1, 0], [1, 2, -1], [0, 4, 2]])
    expected = svd_terms(matrix)
    u, s, v = np.linalg.svd(matrix)
    monkeypatch.setattr(np.linalg, "svd", lambda *_, **__: (u * [-1, 1, -1], s, v * np.array([[-1], [1], [-1]])))
    for term, same in zip(svd_terms(matrix), expected, strict=True):
        assert np.allclose(term.u, same.u) and np.allclose(term.v, same.v)


@pytest.mark.parametrize(
    ("u", "positive"),
    [
        ([0.6, -0.6, 0.5], 0),  # tied: the first of them
        ([-0.6, 0.6, 0.5], 0),
        ([0.6, -0.6 - 1e-12, 0.5], 0),  # rounding does not choose
        ([0.6, -0.6 - 1e-6, 0.5], 1),  # but a difference does
        ([0.5, 0.1, -0.8], 2),
        ([-0.8, 0.5, 0.1], 0),
    ],
)
@pytest.mark.parametrize("flip", [1, -1])
def test_of_components_equally_large_the_first_is_positive(monkeypatch, u, positive, flip):
    u, v = flip * np.array([u]).T, flip * np.array([[0.6, 0.8]])
    monkeypatch.setattr(np.linalg, "svd", lambda *_, **__: (u, np.array([2.0]), v))
    (term,) = svd_terms(np.ones((3, 2)))
    assert term.u[positive] > 0
    assert np.array_equal(term.matrix, 2 * u @ v)


def test_a_zero_matrix_lacks_nothing():
    terms = svd_terms(np.zeros((2, 3)))
    assert [energy(terms, k) for k in range(3)] == [1, 1, 1]
    assert residual_norm(terms, 0) == 0


@pytest.mark.parametrize("odd", [np.zeros(3), np.zeros((0, 2)), np.zeros((2, 2, 2)), [[1.0, np.nan]], [[np.inf]]])
def test_what_is_no_matrix_is_refused_in_a_sentence(odd):
    with pytest.raises(PeftClassroomError, match="An SVD needs"):
        svd_terms(odd)


@given(matrices)
def test_the_energy_curve_is_the_energy_of_the_terms(matrix):
    terms = svd_terms(matrix)
    curve = energy_curve(np.array([t.sigma for t in terms]))
    assert np.allclose(curve, [energy(terms, k) for k in range(len(terms) + 1)])
    assert curve[-1] == 1 and (np.diff(curve) >= 0).all()


spectra = st.lists(st.floats(0.001, 1000), min_size=1, max_size=8).map(lambda s: np.array(sorted(s, reverse=True)))


@given(spectra, st.floats(0.001, 1000))
def test_effective_and_stable_rank_lie_between_1_and_n_whatever_the_scale(sigmas, scale):
    for rank in (effective_rank, stable_rank):
        assert 1 - 1e-9 <= rank(sigmas) <= len(sigmas) + 1e-9
        assert np.isclose(rank(sigmas), rank(scale * sigmas))
        assert np.isclose(rank(sigmas), rank(np.append(sigmas, 0.0)))
        assert np.isclose(rank(np.full(5, scale)), 5)
        assert rank(np.array([scale, 0, 0])) == rank(np.array([scale])) == 1
        assert rank(np.zeros(3)) == 0


def test_effective_rank_is_that_of_roy_and_vetterli():
    """p = (3/4, 1/4): exp(−¾·ln ¾ − ¼·ln ¼) = (4/3)^¾ · 4^¼."""
    assert np.isclose(effective_rank(np.array([3.0, 1.0])), (4 / 3) ** 0.75 * 4**0.25)
    assert np.isclose(stable_rank(np.array([3.0, 1.0])), 10 / 9)
