"""The chart of accuracy against trainable parameters: names beside the marks where there is room, else numbers."""

from collections.abc import Sequence
from functools import lru_cache

import altair as alt
import pandas as pd
import streamlit as st

from app.compare import linked
from app.compare.trade_off.placing import BELOW, HEIGHT, PRESENTED, WIDTH, domains, placed
from app.content import label
from app.kit import figure, present, theme

KEY = "trade_off_chart"
POINTS = "points"  # the name of its rows


def draw(frame: pd.DataFrame, chosen: str, keys: Sequence[str], words: str) -> None:
    """Filled marks are ours, hollow ones the report's; a click on a mark chooses its row of the table."""
    height, room = (PRESENTED, PRESENTED - BELOW) if present.on() else (HEIGHT, HEIGHT)
    rows = frame.assign(**placed(frame, room), chosen=frame["row"] == chosen)
    form = _form(*map(tuple, domains(frame)), height, theme.is_dark())
    st.vega_lite_chart(
        figure.filled(form, {POINTS: rows}, {}), width="stretch", key=KEY, alt=words,
        on_select=linked.taken_from_chart(KEY, keys), selection_mode=[linked.POINT],
    )  # fmt: skip


@lru_cache(maxsize=32)
def _form(x_domain: tuple[float, float], y_domain: tuple[float, float], height: int, dark: bool) -> str:
    """Which points, and which of them is chosen, stands in the rows."""
    x = alt.X(
        "trainable:Q",
        title=label("compare", "axis_trainable"),
        scale=alt.Scale(type="log", domain=x_domain, nice=False),
        axis=alt.Axis(format="~s", values=[10**power for power in range(2, 12)], grid=False),
    )
    scale = alt.Scale(domain=y_domain, nice=False)
    y = alt.Y("accuracy:Q", title=label("compare", "axis_accuracy"), scale=scale, axis=alt.Axis(format=".1~%"))
    pick = alt.selection_point(name=linked.POINT, fields=[linked.ROW], on="click", empty=False)
    base = alt.Chart(alt.NamedData(POINTS)).encode(x=x, tooltip=alt.TooltipValue(None))
    names = list(theme.METHOD)
    styles = [theme.METHOD[name] for name in names]
    colour = alt.Color("method:N", scale=alt.Scale(domain=names, range=[s.colour for s in styles]), legend=None)
    shape = alt.Shape("method:N", scale=alt.Scale(domain=names, range=[s.shape for s in styles]), legend=None)
    intervals = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", scale=scale), y2=alt.Y2("high:Q"), color=colour)
    marks = base.encode(y=y, color=colour, shape=shape)
    ground = "#12161C" if dark else "#FFFFFF"
    hollow = marks.transform_filter("datum.side == 'report'").mark_point(
        size=150, strokeWidth=2.5, opacity=1, filled=False, fill=ground
    )
    filled = marks.transform_filter("datum.side == 'ours'").mark_point(size=190, opacity=1, filled=True)
    target = base.encode(y=y).mark_point(size=500, opacity=0, filled=True, cursor="pointer", aria=False)
    here = base.encode(y=y).transform_filter(alt.datum.chosen)
    ring = here.mark_point(shape="circle", size=520, strokeWidth=2.5, color=theme.ink(), filled=False)
    layers = [*_fronts(base, y), intervals, hollow, filled, ring, *_words(base.encode(y=y)), target.add_params(pick)]
    return figure.form(theme.readable(alt.layer(*layers).properties(height=height, usermeta={present.AS_HIGH: True})))


def _fronts(base: alt.Chart, y: alt.Y) -> list[alt.Chart]:
    """A step line through the points that no cheaper one of their side beats; the report's is dashed."""
    on_front = base.transform_filter(alt.datum.front).encode(y=y)
    style = {"interpolate": "step-after", "strokeWidth": 1.5, "color": theme.frozen()}
    return [
        on_front.transform_filter(alt.datum.side == side).mark_line(strokeDash=dash, **style)
        for side, dash in (("ours", [1, 0]), ("report", [5, 4]))
    ]


# ---------------------------------------------------------------------------------------------------------------------
# Names


def _words(base: alt.Chart) -> list[alt.Chart]:
    """A name with its halo beside each mark; in a narrow chart the number that the mark has in the table."""
    fields = {"text": ("name", "numbers")} | {f: (f, f"narrow_{f}") for f in ("align", "dx", "dy")}
    style = {
        f: alt.ExprRef(f"width >= {WIDTH} ? datum.{wide} : datum.{narrow}") for f, (wide, narrow) in fields.items()
    }
    style["fontSize"] = 13
    ground = "#12161C" if theme.is_dark() else "#FFFFFF"
    halo = base.mark_text(stroke=ground, strokeWidth=4, strokeJoin="round", aria=False, **style)
    return [halo, base.mark_text(color=theme.ink(), **style)]
