"""Charts of the report's own differences: as if of two samples, and the paired test under every assumption."""

from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from app.compare.significant.pair_charts import SIGNED
from app.content import label
from app.kit import figure, theme
from peft_core.report.quoted_differences import QuotedDifference
from peft_core.statistics.formats import p_text, p_value, points
from peft_core.statistics.paired_test import LEVEL

ROW = 66  # pixels
NARROW = 560  # pixels, below which the names of a pair take two lines
CURVE_POINTS = 60
SMALLEST = 1e-6  # of the axis of p


@figure.kept
def intervals(pairs: Mapping[str, QuotedDifference]) -> None:
    """A line a pair: the difference, its 95% interval, and 0; the pair's names over the line."""
    frame = pd.DataFrame(
        [
            {
                "pair": words, "method": found.first.method.method, "middle": 100 * found.difference,
                "low": 100 * found.low, "high": 100 * found.high, "words": f"{words}: {p_text(found.p)}",
                "narrow": f"{found.first.label}\n{found.second.label}: {p_text(found.p)}",
            }
            for words, found in pairs.items()
        ]
    )  # fmt: skip
    names = list(theme.METHOD)
    styles = [theme.METHOD[name] for name in names]
    colour = alt.Color("method:N", scale=alt.Scale(domain=names, range=[s.colour for s in styles]), legend=None)
    shape = alt.Shape("method:N", scale=alt.Scale(domain=names, range=[s.shape for s in styles]), legend=None)
    x = alt.X(
        "low:Q",
        title=label("compare", "quoted_axis"),
        axis=alt.Axis(format="+.2~f", labelExpr=SIGNED, tickCount=6, grid=False),
    )
    base = alt.Chart(frame).encode(y=alt.Y("pair:N", sort=None, axis=None), tooltip=alt.TooltipValue(None))
    zero = (
        alt.Chart(pd.DataFrame({"zero": [0]}))
        .mark_rule(color=theme.frozen(), strokeDash=[4, 4])
        .encode(x=alt.X("zero:Q"))
    )
    line = base.mark_rule(strokeWidth=3).encode(x=x, x2=alt.X2("high:Q"), color=colour)
    mark = base.mark_point(size=150, strokeWidth=2.5, filled=False, opacity=1).encode(
        x=alt.X("middle:Q"), color=colour, shape=shape
    )
    over = base.mark_text(
        align="left", baseline="bottom", dy=alt.ExprRef(f"width > {NARROW} ? -11 : -28"), fontSize=13,
        color=theme.ink(), lineBreak="\n",
        text=alt.ExprRef(f"width > {NARROW} ? datum.words : datum.narrow"),
    ).encode(x=alt.XValue(0))  # fmt: skip
    spoken = "; ".join(
        f"{row.pair}: {points(row.middle / 100)} ({points(row.low / 100)} – {points(row.high / 100)})"
        for row in frame.itertuples()
    )
    chart = zero + line + mark + over
    _show(chart, ROW * len(frame) + 36, "quoted_intervals", label("compare", "quoted_alt", rows=spoken))


@figure.kept
def paired(found: QuotedDifference, disagreements: int) -> None:
    """p of the exact McNemar test against the number of reviews on which the two might have disagreed."""
    low, high = max(found.fewest_disagreements, 1), max(found.most_disagreements, 2)
    tried = np.unique(np.geomspace(low, high, CURVE_POINTS).round().astype(int))
    frame = pd.DataFrame({"n": tried, "p": [max(found.paired_p(int(n)), SMALLEST) for n in tried]})
    here = max(found.paired_p(disagreements), SMALLEST)
    x = alt.X(
        "n:Q", title=label("compare", "disagreeing_axis"),
        scale=alt.Scale(type="log", nice=False, domain=[low, high]),
        axis=alt.Axis(format="~s", tickCount=5, grid=False),
    )  # fmt: skip
    y = alt.Y(
        "p:Q", title=label("compare", "p_axis"), scale=alt.Scale(type="log", domain=[SMALLEST, 1], nice=False),
        axis=alt.Axis(values=[10.0**power for power in range(-6, 1)], format="~g"),
    )  # fmt: skip
    base = alt.Chart(frame).encode(x=x, y=y, tooltip=alt.TooltipValue(None))
    line = base.mark_line(strokeWidth=3, color=theme.METHOD[found.first.method.method].colour)
    level = alt.Chart(pd.DataFrame({"p": [LEVEL], "words": [f"p = {LEVEL:g}"]})).encode(y=y)
    rule = level.mark_rule(color=theme.frozen(), strokeDash=[5, 4], strokeWidth=2)
    name = level.mark_text(align="left", dx=6, dy=12, fontSize=13, color=theme.ink()).encode(
        x=alt.XValue(0), text=alt.Text("words:N")
    )
    tried_one = alt.Chart(pd.DataFrame({"n": [max(disagreements, low)], "p": [here]})).encode(x=x, y=y)
    mark = tried_one.mark_point(shape="circle", size=240, filled=False, strokeWidth=3, color=theme.ink())
    as_ours = _as_ours(found, x)
    limit = found.most_significant
    words = label(
        "compare", "paired_alt", first=found.first.label, second=found.second.label, n=f"{disagreements:,}",
        p=p_value(found.paired_p(disagreements)), limit="–" if limit is None else f"{limit:,}",
    )  # fmt: skip
    _show(alt.layer(*as_ours, rule, name, line, mark), 280, "quoted_paired", words)


def _as_ours(found: QuotedDifference, x: alt.X) -> list[alt.Chart]:
    """A line where two runs of ours would put the pair."""
    if found.ours is None or found.as_ours is None:
        return []
    words = label("compare", "as_ours", rate=f"{found.ours:.1%}")
    base = alt.Chart(pd.DataFrame([{"n": max(found.as_ours, 1), "words": words}])).encode(x=x)
    line = base.mark_rule(strokeWidth=2, strokeDash=[2, 3], color=theme.ink())
    left = "(scale('x', datum.n) > width / 2)"
    name = base.mark_text(
        align=alt.ExprRef(f"{left} ? 'right' : 'left'"), dx=alt.ExprRef(f"{left} ? -6 : 6"), fontSize=13,
        baseline="bottom", color=theme.ink(), y=alt.ExprRef("height - 6"),
    ).encode(text=alt.Text("words:N"))  # fmt: skip
    return [line, name]


def _show(chart: alt.LayerChart, height: int, key: str, words: str) -> None:
    st.altair_chart(theme.readable(chart.properties(height=height)), width="stretch", key=key, alt=words)
