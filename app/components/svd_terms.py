"""Why rank 1? A 3 × 3 matrix as a sum of rank-one terms, one switched on after another."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from app.components import theme, url
from app.content import label, text
from peft_core.spectrum import Term, energy, partial_sum, residual_norm, svd_terms

MATRICES = {  # small integers; the texts say of them only what is computed here
    "nearly": [[2, 3, -2], [-1, -2, 1], [3, 6, -4]],
    "generic": [[3, 1, 0], [1, 2, -1], [0, 4, 2]],
    "equal": [[2, -1, 2], [2, 2, -1], [-1, 2, 2]],
}
DEFAULT_MATRIX = "nearly"
DEFAULT_X, MAX_X = (1, 2, 1), 9
CHOICE, TERMS, IN_VAIN = "svd_matrix", "terms", "svd_matrix in vain"  # the first two are in the URL
HEIGHT = 150  # pixels


def draw() -> None:
    """Claim, controls, matrices, numbers; then the same for a vector, and what all this does not show."""
    st.markdown(text("rank_one", "claim"))
    st.latex(r"A \;=\; \sigma_1 u_1 v_1^\top + \sigma_2 u_2 v_2^\top + \sigma_3 u_3 v_3^\top")
    choice = _matrix()
    matrix = np.array(MATRICES[choice])
    terms = svd_terms(matrix)
    st.markdown(text("rank_one", choice, **_facts(terms)))
    k = _steps(len(terms))
    _pictures(matrix, terms, k)
    of, missing, share = number(residual_norm(terms, 0)), number(residual_norm(terms, k)), percent(energy(terms, k))
    st.markdown(text("rank_one", "so_far", k=k, of=of, missing=missing, share=share))
    _product(matrix, terms, k)
    st.markdown(text("rank_one", "limits"))
    st.caption(text("rank_one", "source"))


def number(value: float) -> str:
    """Two decimals with a real minus sign; what rounds to zero has none."""
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def percent(share: float) -> str:
    """One decimal; 100% only where nothing is missing."""
    return f"{share:.1%}" if share > 1 - 1e-9 else f"{min(share, 0.999):.1%}"


def _matrix() -> str:
    """Which matrix. An unknown name in the link becomes the default, with a note until another one is chosen."""
    if CHOICE not in st.session_state:
        st.session_state[IN_VAIN] = st.query_params.get(CHOICE, DEFAULT_MATRIX) not in MATRICES
        url.ask(CHOICE, list(MATRICES), DEFAULT_MATRIX)
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


def _steps(total: int) -> int:
    """How many terms are in the sum: a slider and two buttons, all over the same number."""
    url.clamp(TERMS, label("rank_one", "terms"), 0, total)

    def go(k: int) -> None:
        st.session_state[TERMS] = k

    with st.container(horizontal=True, vertical_alignment="bottom", key="svd_steps"):
        k = st.slider(label("rank_one", "terms"), 0, total, 1, key=TERMS, bind="query-params")
        st.button(label("rank_one", "back"), key="svd_back", disabled=k == 0, on_click=go, args=(k - 1,))
        st.button(
            label("rank_one", "next"), key="svd_next", type="primary", disabled=k == total, on_click=go, args=(k + 1,)
        )
    return k


def _pictures(matrix: np.ndarray, terms: Sequence[Term], k: int) -> None:
    """The matrix, the latest term, the sum so far: one colour scale for all of them and for every step."""
    limit = max(np.abs(m).max() for m in (matrix, *(t.matrix for t in terms), *(partial_sum(terms, i) for i in (1, 2))))
    whole, latest, total = st.columns(3)
    with whole:
        st.markdown(label("rank_one", "whole"))
        _map("whole", matrix, [[f"{value}".replace("-", "−") for value in row] for row in matrix], limit)
    with latest:
        st.markdown(label("rank_one", "latest", k=k) if k else label("rank_one", "no_term"))
        if k:
            _map("latest", terms[k - 1].matrix, _written(terms[k - 1].matrix), limit)
    with total:
        st.markdown(label("rank_one", "sum", k=k))
        _map("sum", partial_sum(terms, k), _written(partial_sum(terms, k)), limit)


def _written(matrix: np.ndarray) -> list[list[str]]:
    return [[number(value) for value in row] for row in matrix]


def _map(name: str, matrix: np.ndarray, written: list[list[str]], limit: float) -> None:
    """Cells from orange (negative) to blue (positive) with their numbers in them."""
    cells = pd.DataFrame(
        [
            {"row": i, "column": j, "value": float(matrix[i, j]), "written": written[i][j]}
            for i, j in np.ndindex(matrix.shape)
        ]
    )
    ramp = ["#8A4A22", "#1C222B", "#1F5F8A"] if theme.is_dark() else ["#F2B48A", "#F6F7F9", "#8FC3E6"]
    colour = alt.Color(
        "value:Q", scale=alt.Scale(domain=[-limit, 0, limit], range=ramp, interpolate="rgb"), legend=None
    )
    base = alt.Chart(cells).encode(x=alt.X("column:O", axis=None), y=alt.Y("row:O", axis=None))
    rects = base.mark_rect(stroke=theme.frozen(), strokeWidth=1).encode(color=colour)
    words = base.mark_text(fontSize=16, color=theme.ink()).encode(text="written:N")
    st.altair_chart(
        theme.readable((rects + words).properties(height=HEIGHT)),
        width="stretch",
        key=f"svd_map_{name}",
        alt=label(
            "rank_one", "map_alt", name=label("rank_one", f"{name}_words"), rows="; ".join(map(", ".join, written))
        ),
    )


def _product(matrix: np.ndarray, terms: Sequence[Term], k: int) -> None:
    """A·x beside the product of the sum so far, term by term."""
    st.markdown(text("rank_one", "product"))
    st.latex(r"A\,x \;=\; \sum_i \sigma_i\,\langle v_i, x\rangle\,u_i")
    entries = []
    with st.container(horizontal=True, key="svd_x"):
        for i, default in enumerate(DEFAULT_X, start=1):
            name, key = label("rank_one", "x", i=i), f"svd_x{i}"
            url.clamp(key, name, -MAX_X, MAX_X)
            entries.append(st.number_input(name, -MAX_X, MAX_X, default, key=key, bind="query-params", width=130))
    x = np.array(entries)
    st.markdown("\n".join(_table(terms, x, k)))
    exact, so_far = _column(f"{value}" for value in matrix @ x), _column(map(number, partial_sum(terms, k) @ x))
    st.latex(rf"A\,x = {exact} \qquad A_{k}\,x = {so_far}")


def _table(terms: Sequence[Term], x: np.ndarray, k: int) -> list[str]:
    """One column a term: σ, its share of the energy, how much of x lies along v, and whether it is in the sum."""
    numbers = range(1, len(terms) + 1)
    whole = sum(term.sigma**2 for term in terms)
    rows = [
        ("", [label("rank_one", "term", i=i) for i in numbers]),
        ("$\\sigma_i$", [number(term.sigma) for term in terms]),
        (label("rank_one", "energy"), [percent(term.sigma**2 / whole) for term in terms]),
        ("$\\langle v_i, x\\rangle$", [number(term.v @ x) for term in terms]),
        (label("rank_one", "in_sum"), ["✓" if i <= k else "–" for i in numbers]),
    ]
    lines = [f"| {name} | {' | '.join(cells)} |" for name, cells in rows]
    return [lines[0], "|:--|" + "--:|" * len(terms), *lines[1:]]


def _column(entries) -> str:
    return r"\begin{pmatrix}" + r"\\".join(entries).replace("−", "-") + r"\end{pmatrix}"
