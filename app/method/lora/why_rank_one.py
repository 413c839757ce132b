"""Why rank 1? A 3 × 3 matrix as a sum of rank-one terms, one switched on after another."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from app.content import label, text
from app.kit import url
from app.kit.drawn import svd_parts
from app.kit.drawn.svd_parts import number
from app.kit.formats import percent
from app.kit.pages import script_of
from peft_core.analysis.spectra.spectrum import Term, energy, residual_norm, svd_terms

MATRICES = {  # small integers; the texts say of them only what is computed here
    "nearly": [[2, 3, -2], [-1, -2, 1], [3, 6, -4]],
    "generic": [[3, 1, 0], [1, 2, -1], [0, 4, 2]],
    "equal": [[2, -1, 2], [2, 2, -1], [-1, 2, 2]],
}
DEFAULT_MATRIX = "nearly"
DEFAULT_X = (1, 2, 1)
CHOICE, TERMS, IN_VAIN = "svd_matrix", "terms", "svd_matrix in vain"  # the first two are in the URL


def draw() -> None:
    """Claim, controls, matrices, numbers; then the same for a vector, and what all this does not show."""
    st.markdown(text("rank_one", "claim"))
    st.latex(r"A \;=\; \sigma_1 u_1 v_1^\top + \sigma_2 u_2 v_2^\top + \sigma_3 u_3 v_3^\top")
    choice = _matrix()
    matrix = np.array(MATRICES[choice])
    terms = svd_terms(matrix)
    st.markdown(text("rank_one", choice, **_facts(terms)))
    k = svd_parts.steps(TERMS, len(terms))
    svd_parts.pictures(matrix, terms, k, "svd")
    of, missing, share = number(residual_norm(terms, 0)), number(residual_norm(terms, k)), percent(energy(terms, k))
    st.markdown(text("rank_one", "so_far", k=k, total=len(terms), of=of, missing=missing, share=share))
    st.markdown(text("rank_one", "product"))
    st.latex(r"A\,x \;=\; \sum_i \sigma_i\,\langle v_i, x\rangle\,u_i")
    x = svd_parts.vector("svd_x", DEFAULT_X)
    st.markdown(svd_parts.table(terms, x, k))
    svd_parts.product(matrix, terms, x, k)
    st.markdown(text("rank_one", "limits"))
    for name, query in (("to_similarity", {"lab": "similarity"}), ("to_lab", {})):
        st.page_link(
            script_of("rank_lab"), label=label("rank_one", name), icon=":material/science:", query_params=query
        )
    st.caption(text("rank_one", "source"))


def _matrix() -> str:
    """Which matrix. An unknown name in the link becomes the default, with a note until another one is chosen."""
    if url.to_be_read(CHOICE):
        st.session_state[IN_VAIN] = st.query_params.get(CHOICE, DEFAULT_MATRIX) not in MATRICES
        url.from_link(CHOICE, list(MATRICES), DEFAULT_MATRIX)
    choice = st.radio(
        label("rank_one", "matrix"), list(MATRICES), format_func=lambda name: label("rank_one", name), key=CHOICE,
        horizontal=True, on_change=lambda: st.session_state.update({IN_VAIN: False}),
    )  # fmt: skip
    url.remember(CHOICE, choice, DEFAULT_MATRIX)
    if st.session_state[IN_VAIN]:
        st.info(label("rank_one", "unknown_matrix"), icon=":material/info:")
    return choice


def _facts(terms: Sequence[Term]) -> dict[str, str]:
    """The numbers of a matrix that the texts may use."""
    sigmas = {f"s{i}": number(term.sigma) for i, term in enumerate(terms, start=1)}
    shares = {f"share{k}": percent(energy(terms, k)) for k in (1, 2)}
    missing = {"missing": number(residual_norm(terms, 1)), "of": number(residual_norm(terms, 0))}
    return sigmas | shares | missing | {"ratio": f"{terms[0].sigma / terms[1].sigma:.0f}"}
