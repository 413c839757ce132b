"""Choose the best checkpoint on some test reviews, look at it on the others: optimism, measured on our own answers."""

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from app.compare import answered
from app.compare.significant.pair_charts import SIGNED
from app.content import label, text
from app.kit import figure, theme, url
from peft_core.report.optimism import SelectionOptimism, selection_optimism
from peft_core.statistics.formats import points

SIZES = (25, 50, 100, 250, 500, 1000, 2000)
KEY = "chosen_on"


def draw() -> None:
    """The number of reviews to choose on, what that claims and what is true, and the same for every number."""
    st.markdown(text("compare", "selection"))
    answers = answered.right(answered.alike())
    if answers is None:
        return
    right = np.stack(list(answers.values()))
    sizes = [size for size in SIZES if size < right.shape[1]]
    if not sizes:
        return
    url.nearest(KEY, label("compare", "chosen_on"), sizes)
    start = sizes[len(sizes) // 2]
    chosen_on = st.select_slider(label("compare", "chosen_on"), sizes, start, key=KEY, bind="query-params")
    found = [_measured(right, size) for size in sizes]
    here = found[sizes.index(chosen_on)]
    claimed, honest, optimism = st.columns(3)
    claimed.metric(label("compare", "selection_claimed"), f"{here.claimed:.1%}")
    honest.metric(label("compare", "selection_honest"), f"{here.honest:.1%}")
    optimism.metric(label("compare", "selection_difference"), points(here.difference))
    _chart(found, chosen_on)
    told = {
        "k": here.candidates,
        "n": f"{here.chosen_on:,}",
        "fresh": f"{here.fresh:,}",
        "difference": points(here.difference),
        "claimed": f"{here.claimed:.1%}",
        "honest": f"{here.honest:.1%}",
    }
    st.markdown(label("compare", "selection_sentence", **told, low=points(here.low), high=points(here.high)))


@st.cache_data(max_entries=64, show_spinner=False)
def _measured(right: np.ndarray, chosen_on: int) -> SelectionOptimism:
    return selection_optimism(right, chosen_on)


@figure.kept
def _chart(found: list[SelectionOptimism], chosen_on: int) -> None:
    frame = pd.DataFrame(
        [{"n": o.chosen_on, "middle": 100 * o.difference, "low": 100 * o.low, "high": 100 * o.high} for o in found]
    )
    x = alt.X(
        "n:Q", title=label("compare", "chosen_on"), scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(values=list(frame["n"]), format=",d", grid=False),
    )  # fmt: skip
    base = alt.Chart(frame).encode(x=x, tooltip=alt.TooltipValue(None))
    zero = (
        alt.Chart(pd.DataFrame({"zero": [0]}))
        .mark_rule(color=theme.frozen(), strokeDash=[4, 4])
        .encode(y=alt.Y("zero:Q"))
    )
    band = base.mark_rule(strokeWidth=2, color=theme.frozen()).encode(
        y=alt.Y(
            "low:Q",
            title=label("compare", "selection_axis"),
            axis=alt.Axis(format="+.2~f", labelExpr=SIGNED, tickCount=6),
        ),
        y2=alt.Y2("high:Q"),
    )
    line = base.mark_line(strokeWidth=3, color=theme.ink()).encode(y=alt.Y("middle:Q"))
    marks = base.mark_point(filled=True, size=110, opacity=1, color=theme.ink()).encode(y=alt.Y("middle:Q"))
    here = base.transform_filter(alt.datum.n == chosen_on)
    ring = here.mark_point(shape="circle", size=420, filled=False, strokeWidth=3, color=theme.ink()).encode(
        y=alt.Y("middle:Q")
    )
    spoken = "; ".join(f"{o.chosen_on:,}: {points(o.difference)}" for o in found)
    st.altair_chart(
        theme.readable((zero + band + line + marks + ring).properties(height=260)),
        width="stretch",
        key="selection_chart",
        alt=label("compare", "selection_alt", rows=spoken),
    )
