"""A triangle of all pairs, the best checkpoint first: who is ahead by how much, and is that more than chance?"""

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import figure, theme
from peft_core.statistics.formats import p_value, points
from peft_core.statistics.many_tests import PairOfMany
from peft_core.statistics.paired_test import LEVEL

ROW, AXIS = 23, 30  # pixels
ROOM = 42  # pixels, below which a cell has no number in it
KINDS = ("holm", "alone", "chance")


@figure.kept
def draw(found: Sequence[PairOfMany], called: dict[str, str]) -> None:
    """A cell a pair: the points by which the column is ahead of the row; its colour says what is left of p."""
    ranked = _ranked(found)
    frame = pd.DataFrame([_cell(pair, ranked, called) for pair in found])
    numbers = {name: str(place) for place, name in enumerate(ranked, 1)}
    lines = [f"{numbers[name]}  {called[name]}" for name in ranked]
    pale, middle, strong = theme.ramp()[0], theme.ramp()[1], theme.ramp()[3]
    titles = [label("compare", f"every_kind_{kind}", level=f"{LEVEL:g}") for kind in KINDS]
    axis = {"ticks": False, "domain": False, "grid": False, "title": None, "labelAngle": 0, "labelOverlap": False}
    base = alt.Chart(frame).encode(
        x=alt.X("column:O", sort=list(numbers.values())[:-1], axis=alt.Axis(orient="top", **axis)),
        y=alt.Y("row:N", sort=lines, scale=alt.Scale(domain=lines), axis=alt.Axis(labelLimit=240, **axis)),
        tooltip=[
            alt.Tooltip(f"{name}:N", title=label("compare", f"every_tip_{name}"))
            for name in ("better", "worse", "difference", "p", "p_holm")
        ],
    )
    cells = base.mark_rect(stroke=theme.ground(), strokeWidth=2).encode(
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=titles, range=[strong, middle, pale]),
            legend=None,
        )
    )
    on_pale, on_strong, _ = theme.on_ramp()
    on_middle = "#FFFFFF" if theme.is_dark() else "#000000"
    ink = alt.Color("kind:N", scale=alt.Scale(domain=titles, range=[on_strong, on_middle, on_pale]), legend=None)
    words = base.mark_text(fontSize=13).encode(text=alt.Text("words:N"), color=ink)
    spoken = "; ".join(f"{c.better} {c.difference} {c.worse}: {c.kind}" for c in frame.itertuples())
    room = f"width / {max(1, len(ranked) - 1)} > {ROOM}"
    words = words.encode(opacity=alt.condition(room, alt.value(1), alt.value(0)))
    chart = alt.layer(cells, words).resolve_scale(color="independent").properties(height=ROW * len(ranked) + AXIS)
    st.altair_chart(
        theme.readable(chart), width="stretch", key="every_pair_chart", alt=label("compare", "every_alt", rows=spoken)
    )


def _ranked(found: Sequence[PairOfMany]) -> list[str]:
    """Names, the highest accuracy first."""
    accuracy = {}
    for pair in found:
        accuracy[pair.first], accuracy[pair.second] = pair.test.first_accuracy, pair.test.second_accuracy
    return sorted(accuracy, key=lambda name: -accuracy[name])


def _cell(pair: PairOfMany, ranked: list[str], called: dict[str, str]) -> dict[str, str]:
    better, worse = sorted((pair.first, pair.second), key=ranked.index)
    kind = "holm" if pair.told_apart else "alone" if pair.test.told_apart else "chance"
    return {
        "column": str(ranked.index(better) + 1),
        "row": f"{ranked.index(worse) + 1}  {called[worse]}",
        "better": called[better],
        "worse": called[worse],
        "difference": points(abs(pair.test.difference)),
        "words": f"{100 * abs(pair.test.difference):.1f}",
        "p": p_value(pair.test.p),
        "p_holm": p_value(pair.p_holm),
        "kind": label("compare", f"every_kind_{kind}", level=f"{LEVEL:g}"),
    }
