"""ΔW's directions in W₀: beside dense matrices, projectors and drawn directions, which share no code with it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peft_core.analysis.spectra.against_base import against_base
from peft_core.analysis.spectra.delta import DenseDelta, LowRankDelta
from peft_core.errors import PeftClassroomError
from peft_core.t5.names import matrix

NAME = matrix("encoder", 0, "self-attention", "q")


@st.composite
def pairs(draw):
    """ΔW as factors, and W₀."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    out, into = draw(st.integers(2, 7)), draw(st.integers(2, 7))
    rank = draw(st.integers(1, min(out, into)))
    delta = LowRankDelta(NAME, rng.standard_normal((out, rank)), rng.standard_normal((rank, into)), 2.0)
    return delta, rng.standard_normal((out, into))


@settings(deadline=None)
@given(pairs())
def test_it_is_the_norm_of_w0_between_the_projectors_on_the_updates_directions(pair):
    """‖UᵀW₀V‖ = ‖P·W₀·Q‖, and the projectors come from the eigenvectors of ΔWᵀΔW, without any SVD."""
    delta, weight = pair
    found, dense = against_base(delta, weight), delta.matrix
    right = np.linalg.eigh(dense.T @ dense)[1]
    for k in range(1, delta.max_rank + 1):
        v = right[:, ::-1][:, :k]
        left = dense @ v
        p, q = left @ np.linalg.inv(left.T @ left) @ left.T, v @ v.T
        assert np.isclose(found.there[k - 1], np.linalg.norm(p @ weight @ q), rtol=1e-6, atol=1e-8)
        assert np.isclose(found.update[k - 1], np.linalg.norm(dense @ q), rtol=1e-6)
        best = np.sqrt(np.linalg.eigvalsh(weight @ weight.T)[::-1][:k].clip(0).sum())
        assert np.isclose(found.own[k - 1], best, rtol=1e-6)
        assert found.there[k - 1] <= found.own[k - 1] + 1e-9  # no k directions hold more than W₀'s own
        assert np.isclose(found.amplification[k - 1], found.update[k - 1] / found.there[k - 1])
    dense_too = against_base(DenseDelta(NAME, dense), weight)
    assert np.allclose(dense_too.there[: delta.max_rank], found.there, rtol=1e-6)


def test_an_update_that_repeats_w0_lies_in_its_own_directions():
    weight = np.random.default_rng(1).standard_normal((6, 4))
    found = against_base(DenseDelta(NAME, 0.25 * weight), weight)
    assert np.allclose(found.there, found.own) and np.allclose(found.amplification, 0.25)


def test_random_directions_hold_what_chance_gives():
    rng = np.random.default_rng(2)
    weight = rng.standard_normal((12, 9)) * np.geomspace(1, 20, 9)
    drawn = []
    for _ in range(3000):
        u, v = (np.linalg.qr(rng.standard_normal((size, 3)))[0] for size in weight.shape)
        drawn.append([np.linalg.norm(u[:, :k].T @ weight @ v[:, :k]) ** 2 for k in (1, 2, 3)])
    delta = LowRankDelta(NAME, rng.standard_normal((12, 3)), rng.standard_normal((3, 9)), 1.0)
    assert np.allclose(against_base(delta, weight).chance, np.sqrt(np.mean(drawn, 0)), rtol=0.05)


def test_no_update_has_no_directions():
    with pytest.raises(PeftClassroomError, match="Choose another matrix"):
        against_base(DenseDelta(NAME, np.zeros((3, 3))), np.ones((3, 3)))
