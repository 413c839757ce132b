"""p(positive) as needles on one fixed axis: what no dial moves is grey, what the dials say has the method's colour."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import figure, theme

ROW, AXIS = 36, 50  # pixels


@dataclass(frozen=True)
class Needle:
    """One row; with a method: the one that moves."""

    title: str
    p: float
    method: str | None = None


def draw(needles: Sequence[Needle], title: str) -> None:
    """The rows in this order, on an axis from 0 to 1 whatever they say; `title` is what p is of."""
    rows = [
        {
            "who": needle.title,
            "p": needle.p,
            "words": f"{theme.sign('positive' if needle.p > 0.5 else 'negative')} {needle.p:.1%}",
            "colour": theme.METHOD[needle.method].colour if needle.method else theme.frozen(),
        }
        for needle in needles
    ]
    spec = figure.filled(
        _form(theme.is_dark(), title), {"needles": pd.DataFrame(rows)}, {}, height=AXIS + ROW * len(rows)
    )
    listed = "; ".join(f"{needle.title} {needle.p:.1%}" for needle in needles)
    figure.draw(spec, "dial_needles", label("dials", "needles_alt", p=title, rows=listed))


@st.cache_data(show_spinner=False)
def _form(dark: bool, title: str) -> str:
    """`dark` is for the cache: the colours of axes and words follow the theme."""
    scale = alt.Scale(domain=[0, 1], nice=False)
    x = alt.X("p:Q", title=title, scale=scale, axis=alt.Axis(format="%", tickCount=5))
    y = alt.Y("who:N", sort=None, title=None, axis=alt.Axis(labelLimit=170, labelFontSize=14))
    base = alt.Chart(alt.NamedData("needles")).encode(y=y)
    half = (
        alt.Chart(alt.NamedData("needles")).mark_rule(color=theme.frozen(), strokeDash=[4, 4]).encode(x=alt.datum(0.5))
    )
    way = base.transform_calculate(half="0.5").mark_bar(height=6, opacity=0.5).encode(
        x=x, x2=alt.X2("half:Q"), color=alt.Color("colour:N", scale=None)
    )  # fmt: skip
    needle = base.mark_tick(thickness=7, size=26, cornerRadius=2, opacity=1).encode(
        x=x, color=alt.Color("colour:N", scale=None)
    )
    middle = base.encode(x=alt.datum(0.5), text=alt.Text("words:N"))  # on the other side of it than the bar
    right = middle.transform_filter("datum.p <= 0.5").mark_text(align="left", dx=10, fontSize=15, color=theme.ink())
    left = middle.transform_filter("datum.p > 0.5").mark_text(align="right", dx=-10, fontSize=15, color=theme.ink())
    return figure.form(theme.readable(alt.layer(half, way, needle, right, left)))
