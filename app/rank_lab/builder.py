"""The SVD builder: a matrix of one's own as a sum of rank-one terms, one more with each click."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from app.content import label, text
from app.kit.drawn import svd_parts
from app.kit.drawn.svd_parts import number
from app.kit.formats import percent
from app.kit.pages import script_of
from app.rank_lab import matrix_editor
from peft_core.analysis.spectra.spectrum import Term, energy, partial_sum, residual_norm, svd_terms

TERMS = "lab_terms"
ZERO = 1e-9  # a σ below this share of the largest one is 0: whole numbers leave nothing but rounding there
DEFAULT_X = (1, 2, 1, -1)


def draw() -> None:
    """Claim, matrix and steps, figure, numbers; then orthonormality and the product with a vector."""
    st.markdown(text("rank_lab", "builder"))
    left, right = st.columns([4, 7], gap="large")
    with left:
        matrix = matrix_editor.draw(on_change=lambda: st.session_state.update({TERMS: 1}))
    terms = nonzero_terms(matrix)
    with right:
        if not terms:
            st.info(text("rank_lab", "zero"), icon=":material/info:")
            return
        st.markdown(_kind(terms))
        k = svd_parts.steps(TERMS, len(terms))
        svd_parts.pictures(matrix, terms, k, "lab")
        st.markdown(_so_far(matrix, terms, k))
        if k:
            st.markdown(_latest(terms, k))
    _orthonormal(terms)
    st.markdown(text("rank_one", "product"))
    st.latex(r"A\,x \;=\; \sum_i \sigma_i\,\langle v_i, x\rangle\,u_i")
    x = svd_parts.vector("lab_x", DEFAULT_X[: matrix.shape[1]])
    st.markdown(svd_parts.table(terms, x, k, pieces=True))
    svd_parts.product(matrix, terms, x, k)
    st.page_link(
        script_of("lora"), label=label("rank_lab", "to_lora"), icon=":material/stacks:",
        query_params={"section": "rank_one"},
    )  # fmt: skip
    st.caption(text("rank_one", "source"))


def nonzero_terms(matrix: np.ndarray) -> tuple[Term, ...]:
    """The terms with σ > 0, as many as the matrix has rank; those with σ = 0 add nothing, whatever their u and v."""
    terms = svd_terms(matrix)
    return tuple(term for term in terms if term.sigma > ZERO * terms[0].sigma)


def _kind(terms: Sequence[Term]) -> str:
    """The sentence about this matrix, from its σ."""
    rank, sigmas = len(terms), ", ".join(f"**{number(term.sigma)}**" for term in terms)
    values = {"rank": rank, "sigmas": sigmas, "first": number(terms[0].sigma), "share": percent(energy(terms, 1))}
    if rank == 1:
        return text("rank_lab", "kind_one", **values)
    if terms[0].sigma - terms[-1].sigma < ZERO * terms[0].sigma:
        return text("rank_lab", "kind_equal", **values)
    return text("rank_lab", "kind_some", missing=number(residual_norm(terms, 1)), **values)


def _so_far(matrix: np.ndarray, terms: Sequence[Term], k: int) -> str:
    """What the sum misses, once from the matrices themselves and once from the σ that are left."""
    values = {
        "k": k,
        "total": len(terms),
        "of": number(float(np.linalg.norm(matrix))),
        "missing": number(float(np.linalg.norm(matrix - partial_sum(terms, k)))),
        "tail": number(residual_norm(terms, k)),
        "squares": " + ".join(f"{number(term.sigma)}²" for term in terms[k:]) or "0",
        "share": percent(energy(terms, k)),
    }
    return text("rank_lab", "so_far", **values)


def _latest(terms: Sequence[Term], k: int) -> str:
    """The latest term in numbers: σ, a column, a row."""
    u, v = (", ".join(map(number, vector)) for vector in (terms[k - 1].u, terms[k - 1].v))
    return text("rank_lab", "latest", k=k, sigma=number(terms[k - 1].sigma), u=u, v=v)


def _orthonormal(terms: Sequence[Term]) -> None:
    """All products ⟨uᵢ, uⱼ⟩ and ⟨vᵢ, vⱼ⟩, and how far they are from 1 and 0."""
    left, right = (np.stack([getattr(term, name) for term in terms]) for name in "uv")
    grams = left @ left.T, right @ right.T
    off = max(float(np.abs(gram - np.eye(len(terms))).max()) for gram in grams)
    st.markdown(text("rank_lab", "orthonormal", off=_power(off)))
    for column, name, gram in zip(st.columns(2), "UV", grams, strict=True):
        column.latex(rf"{name}^\top {name} = {_grid(gram)}")


def _power(value: float) -> str:
    """A number in powers of ten, as LaTeX; exactly 0 is "0"."""
    mantissa, _, exponent = f"{value:.0e}".partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if value else "0"


def _grid(matrix: np.ndarray) -> str:
    rows = r"\\".join(" & ".join(map(number, row)) for row in matrix)
    return r"\begin{pmatrix}" + rows.replace("−", "-") + r"\end{pmatrix}"
