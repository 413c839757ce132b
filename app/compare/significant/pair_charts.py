"""What two checkpoints have right on the same reviews: their difference with its interval, and the four counts."""

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import figure, theme
from app.kit.asking.classes import named
from app.kit.plain import escaped
from peft_core.analysis.comparison import Comparison
from peft_core.statistics.formats import points

SIGNED = "datum.value == 0 ? '0' : datum.label"  # "+0" is no number


@figure.kept
def difference(found: Comparison) -> None:
    """The difference in points on a line with 0 on it: does the interval reach across?"""
    test = found.test
    row = pd.DataFrame([{"middle": 100 * test.difference, "low": 100 * test.low, "high": 100 * test.high}])
    row["words"] = label(
        "compare", "difference_words", n=points(test.difference), low=points(test.low), high=points(test.high)
    )
    farthest = 1.25 * max(abs(row["low"].item()), abs(row["high"].item()), 1.0)
    x = alt.X(
        "middle:Q", title=label("compare", "difference_axis"),
        scale=alt.Scale(domain=[-farthest, farthest], nice=False),
        axis=alt.Axis(format="+.2~f", labelExpr=SIGNED, tickCount=7, grid=False),
    )  # fmt: skip
    base = alt.Chart(row).encode(tooltip=alt.TooltipValue(None))
    zero = (
        alt.Chart(pd.DataFrame({"zero": [0]}))
        .mark_rule(color=theme.frozen(), strokeDash=[4, 4])
        .encode(x=alt.X("zero:Q"))
    )
    interval = base.mark_rule(strokeWidth=4, color=theme.soft_ink()).encode(x=alt.X("low:Q"), x2=alt.X2("high:Q"))
    mark = base.mark_point(filled=True, size=220, opacity=1, shape="diamond", color=theme.ink()).encode(x=x)
    style = {"dy": -20, "fontSize": 15}
    ground = "#12161C" if theme.is_dark() else "#FFFFFF"
    halo = base.mark_text(stroke=ground, strokeWidth=5, strokeJoin="round", aria=False, **style)
    words = [
        layer.encode(x=x, text=alt.Text("words:N")) for layer in (halo, base.mark_text(color=theme.ink(), **style))
    ]
    st.altair_chart(
        theme.readable(alt.layer(zero, interval, mark, *words).properties(height=130)),
        width="stretch",
        key="difference_chart",
        alt=label("compare", "difference_alt", first=found.first, second=found.second, words=row["words"].item()),
    )
    who = {"first": escaped(found.first), "second": escaped(found.second)}
    st.caption(label("compare", "difference_reading", **who, **named(found.labels, own=found.own).written))


def two_by_two(found: Comparison) -> None:
    """The four counts. Only the two off the diagonal tell the checkpoints apart: they are bold."""
    test, first, second = found.test, escaped(found.first), escaped(found.second)
    right, wrong = label("compare", "right"), label("compare", "wrong")
    lines = [
        f"| {label('compare', 'two_by_two')} | {second} {right} | {second} {wrong} |",
        "|---|---:|---:|",
        f"| {first} {right} | {test.both_right:,} | **{test.only_first:,}** |",
        f"| {first} {wrong} | **{test.only_second:,}** | {test.both_wrong:,} |",
    ]
    st.markdown("\n".join(lines))
