"""A matrix as a sum of rank-one terms on the screen: steps, heat-maps, and the product with a vector.

Shared by "Why rank 1?" of the LoRA page and by the SVD builder of the Rank lab. Each call names its widgets by `key`.
"""

from collections.abc import Iterable, Sequence

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import figure, theme, url
from app.kit.formats import percent
from peft_core.analysis.spectra.spectrum import Term, partial_sum

HEIGHT = 150  # pixels of a map of three rows
MAX_X = 9


def number(value: float) -> str:
    """Two decimals with a real minus sign; what rounds to zero has none."""
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def steps(key: str, total: int) -> int:
    """How many of `total` ≥ 1 terms are in the sum: a slider and two buttons, all over the same number in the URL."""
    if key in st.session_state:  # the matrix may have fewer terms than the last one
        st.session_state[key] = min(st.session_state[key], total)
    url.clamp(key, label("rank_one", "terms"), 0, total)

    def go(k: int) -> None:
        st.session_state[key] = k

    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{key}_steps"):
        k = st.slider(label("rank_one", "terms"), 0, total, 1, key=key, bind="query-params")
        st.button(label("rank_one", "back"), key=f"{key}_back", disabled=k == 0, on_click=go, args=(k - 1,))
        st.button(
            label("rank_one", "next"), key=f"{key}_next", type="primary", disabled=k == total, on_click=go,
            args=(k + 1,),
        )  # fmt: skip
    return k


def pictures(matrix: np.ndarray, terms: Sequence[Term], k: int, key: str) -> None:
    """The matrix of whole numbers, the latest term, the sum so far: one colour scale for all of them and every step."""
    sums = (partial_sum(terms, i) for i in range(1, len(terms)))
    limit = float(max(np.abs(m).max() for m in (matrix, *(t.matrix for t in terms), *sums))) or 1.0
    whole, latest, total = st.columns(3)
    with whole:
        st.markdown(label("rank_one", "whole"))
        _map("whole", matrix, [[f"{value}".replace("-", "−") for value in row] for row in matrix], limit, key)
    with latest:
        st.markdown(label("rank_one", "latest", k=k) if k else label("rank_one", "no_term"))
        if k:
            _map("latest", terms[k - 1].matrix, _written(terms[k - 1].matrix), limit, key)
    with total:
        st.markdown(label("rank_one", "sum_one") if k == 1 else label("rank_one", "sum", k=k))
        _map("sum", partial_sum(terms, k), _written(partial_sum(terms, k)), limit, key)


def _written(matrix: np.ndarray) -> list[list[str]]:
    return [[number(value) for value in row] for row in matrix]


@figure.kept
def _map(name: str, matrix: np.ndarray, written: list[list[str]], limit: float, key: str) -> None:
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
    words = base.mark_text(fontSize=16, color=theme.ink()).encode(text=alt.Text("written:N"))
    st.altair_chart(
        theme.readable((rects + words).properties(height=HEIGHT)),
        width="stretch",
        key=f"{key}_map_{name}",
        alt=label(
            "rank_one", "map_alt", name=label("rank_one", f"{name}_words"), rows="; ".join(map(", ".join, written))
        ),
    )


def vector(key: str, defaults: Sequence[int]) -> np.ndarray:
    """The student's x, one input an entry, each in the URL."""
    named = [(f"{key}{i}", label("rank_one", "x", i=i), default) for i, default in enumerate(defaults, start=1)]
    for one, name, _ in named:  # what it says stands above all of them, over the whole width
        url.clamp(one, name, -MAX_X, MAX_X)
    with st.container(horizontal=True, key=key):
        entries = [url.bounded_number(one, name, -MAX_X, MAX_X, default, width=130) for one, name, default in named]
    return np.array(entries)


def table(terms: Sequence[Term], x: np.ndarray, k: int, pieces: bool = False) -> str:
    """One column a term: σ, its share of the energy, how much of x lies along v, and whether it is in the sum.

    With `pieces` also what the term adds to A·x, σᵢ⟨vᵢ, x⟩uᵢ.
    """
    numbers = range(1, len(terms) + 1)
    whole = sum(term.sigma**2 for term in terms)
    rows = [
        (label("rank_one", "of_each"), [label("rank_one", "term", i=i) for i in numbers]),
        ("$\\sigma_i$", [number(term.sigma) for term in terms]),
        (label("rank_one", "energy"), [percent(term.sigma**2 / whole) for term in terms]),
        ("$\\langle v_i, x\\rangle$", [number(term.v @ x) for term in terms]),
    ]
    if pieces:
        added = [", ".join(map(number, term.matrix @ x)) for term in terms]
        rows.append(("$\\sigma_i\\,\\langle v_i, x\\rangle\\,u_i$", [f"({entries})" for entries in added]))
    rows.append((label("rank_one", "in_sum"), ["✓" if i <= k else "–" for i in numbers]))
    lines = [f"| {name} | {' | '.join(cells)} |" for name, cells in rows]
    return "\n".join([lines[0], "|:--|" + "--:|" * len(terms), *lines[1:]])


def product(matrix: np.ndarray, terms: Sequence[Term], x: np.ndarray, k: int) -> None:
    """A·x beside the product of the sum so far."""
    exact, so_far = column(f"{value}" for value in matrix @ x), column(map(number, partial_sum(terms, k) @ x))
    st.latex(rf"A\,x = {exact} \qquad A_{k}\,x = {so_far}")


def column(entries: Iterable[str]) -> str:
    """A column vector in LaTeX."""
    return r"\begin{pmatrix}" + r"\\".join(entries).replace("−", "-") + r"\end{pmatrix}"
