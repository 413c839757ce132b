"""The report's curves and ours against the reviews read: dashed and hollow what is quoted, filled what is ours."""

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import figure, theme
from peft_core.methods.registry import METHODS

HEIGHT, LEGEND_LINE = 290, 24  # pixels
SIDES = ("ours", "report")
DASHES = {"ours": ([1, 0], [14, 3]), "report": ([7, 3], [2, 3], [10, 3, 2, 3])}


@figure.kept
def draw(frame: pd.DataFrame, what: str, one_method: bool) -> None:
    """Accuracy or loss. The legend names the methods or, where there is one method, its runs."""
    methods = [name for name in METHODS if name in set(frame["method"])]
    names = [label("report", f"curves_of_{name}") for name in methods]
    frame = frame.assign(called=frame["method"].map(dict(zip(methods, names, strict=True))))
    colours = alt.Scale(domain=names, range=[theme.METHOD[name].colour for name in methods])
    patterns = _patterns(frame) if one_method else {side: DASHES[side][0] for side in SIDES}
    dashes = alt.Scale(domain=list(patterns), range=list(patterns.values()))
    stroke = alt.StrokeDash(
        "run:N" if one_method else "side:N", scale=dashes,
        legend=_legend(columns=1, symbolType="stroke", symbolSize=700) if one_method else None,
    )  # fmt: skip
    base = alt.Chart(frame).encode(
        x=_x(), y=_y(what), detail=alt.Detail("run:N"), tooltip=alt.TooltipValue(None),
        color=alt.Color("called:N", scale=colours, legend=None if one_method else _legend(symbolSize=150)),
    )  # fmt: skip
    fill = alt.Fill("called:N", scale=colours, legend=None)
    filled = alt.condition(alt.datum.side == "ours", alt.value(1), alt.value(0))
    points = base.mark_point(size=45, strokeWidth=1.5, strokeDash=[1, 0]).encode(fill=fill, fillOpacity=filled)
    chart = alt.layer(base.mark_line(strokeWidth=2.5).encode(strokeDash=stroke), points)
    height = HEIGHT + LEGEND_LINE * (len(patterns) if one_method else 1)
    spoken = "; ".join(
        f"{run}: {_told(part[what].iloc[0], what)} → {_told(part[what].iloc[-1], what)}"
        for run, part in frame.groupby("run", sort=False)
    )
    words = label("report", f"{what}_alt", rows=spoken)
    st.altair_chart(theme.readable(chart.properties(height=height)), width="stretch", key=f"report_{what}", alt=words)


def _x() -> alt.X:
    axis = alt.Axis(values=[5_000, 10_000, 25_000, 50_000, 100_000, 250_000], format="~s", grid=False)
    return alt.X("reviews:Q", title=label("report", "axis_reviews"), scale=alt.Scale(type="log", nice=False), axis=axis)


def _y(what: str) -> alt.Y:
    """The losses of the first epochs are far above all others: a logarithmic axis."""
    if what == "accuracy":
        scale, axis = alt.Scale(zero=False), alt.Axis(format=".0%", tickCount=6)
    else:
        scale, axis = alt.Scale(type="log", nice=False), alt.Axis(values=[0.1, 0.2, 0.5, 1, 2, 5])
    return alt.Y(f"{what}:Q", title=label("report", f"axis_{what}"), scale=scale, axis=axis)


def _patterns(frame: pd.DataFrame) -> dict[str, list[int]]:
    """A dash for each run: ours are the fuller ones."""
    found: dict[str, list[int]] = {}
    for side in SIDES:
        runs = dict.fromkeys(frame.loc[frame["side"] == side, "run"])
        found |= dict(zip(runs, DASHES[side], strict=False))
    return found


def _legend(**more: object) -> alt.Legend:
    return alt.Legend(
        orient="bottom", title=None, labelFontSize=13, labelColor=theme.ink(), labelLimit=420, symbolStrokeWidth=2.5,
        **more,
    )  # fmt: skip


def _told(value: float, what: str) -> str:
    return f"{value:.1%}" if what == "accuracy" else f"{value:.3f}"
