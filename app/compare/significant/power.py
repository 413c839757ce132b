"""What can be seen at all: the smallest difference that so many reviews find, at a rate of disagreement."""

from statistics import median

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from app.compare import answered
from app.content import label, text
from app.kit import figure, theme, url
from peft_core.report.quoted import TEST_REVIEWS
from peft_core.statistics.formats import points
from peft_core.statistics.many_tests import PairOfMany
from peft_core.statistics.power import POWER, visible_difference

KEY = "disagree"  # in the URL
LOW, HIGH, STEP = 0.5, 15.0, 0.1  # percent of the reviews
FEWEST, MOST = 200, 100_000  # reviews of the curve


def draw() -> None:
    """The rate of disagreement, the curve over the number of reviews with our pairs beside it, one sentence."""
    st.markdown(text("compare", "power"))
    found = answered.pairs(answered.alike())
    if found is None:
        return
    n = found[0].test.n
    rates = [100 * pair.test.discordant / n for pair in found]
    url.clamp(KEY, label("compare", "power_rate"), LOW, HIGH, whole=False)
    start = min(max(round(median(rates), 1), LOW), HIGH)
    rate = st.slider(label("compare", "power_rate"), LOW, HIGH, start, STEP, "%.1f%%", key=KEY, bind="query-params")
    st.caption(
        label("compare", "power_ours", low=f"{min(rates):.1f}", middle=f"{median(rates):.1f}", high=f"{max(rates):.1f}")
    )
    seen = visible_difference(n, rate / 100)
    _chart(found, n, rate / 100)
    below = sum(abs(pair.test.difference) < visible_difference(n, pair.test.discordant / n) for pair in found)
    told = {"n": f"{n:,}", "rate": f"{rate:.1f}%", "seen": points(seen, sign=False), "power": f"{POWER:.0%}"}
    st.markdown(label("compare", "power_sentence", **told, pairs=len(found), below=below))
    st.caption(label("compare", "power_reading"))


@figure.kept
def _chart(found: tuple[PairOfMany, ...], n: int, rate: float) -> None:
    """The curve; crosses: our own pairs; marks: our number of reviews and the report's."""
    tried = np.unique(np.geomspace(FEWEST, MOST, 80).round().astype(int))
    curve = pd.DataFrame({"n": tried, "seen": [100 * visible_difference(int(size), rate) for size in tried]})
    marks = pd.DataFrame(
        [
            {"n": size, "seen": 100 * (seen := visible_difference(size, rate)), "words": _mark(name, size, seen)}
            for name, size in (("ours", n), ("report", TEST_REVIEWS))
        ]
    )
    ours = pd.DataFrame([{"n": n, "seen": 100 * abs(pair.test.difference)} for pair in found])
    top = max(curve["seen"].max(), ours["seen"].max())
    x = alt.X(
        "n:Q", title=label("compare", "power_x"), scale=alt.Scale(type="log", domain=[FEWEST, MOST], nice=False),
        axis=alt.Axis(values=[300, 1000, 3000, 10_000, 30_000, 100_000], format=",d", grid=False),
    )  # fmt: skip
    y = alt.Y("seen:Q", title=label("compare", "power_y"), scale=alt.Scale(domain=[0, top], nice=True))
    line = alt.Chart(curve).mark_line(strokeWidth=3, color=theme.ink()).encode(x=x, y=y)
    dots = (
        alt.Chart(ours)
        .mark_tick(orient="horizontal", thickness=2, size=18, color=theme.POSITIVE.colour, opacity=0.8)
        .encode(x=x, y=y)
    )
    here = alt.Chart(marks).encode(x=x, y=y)
    ring = here.mark_point(shape="circle", size=260, filled=False, strokeWidth=3, color=theme.ink(), opacity=1)
    style = {"align": "left", "dx": 14, "dy": -14, "fontSize": 14}
    halo = here.mark_text(stroke=theme.ground(), strokeWidth=5, strokeJoin="round", aria=False, **style)
    words = [layer.encode(text=alt.Text("words:N")) for layer in (halo, here.mark_text(color=theme.ink(), **style))]
    spoken = "; ".join(marks["words"])
    chart = alt.layer(line, dots, ring, *words).encode(tooltip=alt.TooltipValue(None)).properties(height=300)
    st.altair_chart(
        theme.readable(chart), width="stretch", key="power_chart", alt=label("compare", "power_alt", rows=spoken)
    )


def _mark(name: str, n: int, seen: float) -> str:
    return label("compare", f"power_mark_{name}", n=f"{n:,}", seen=points(seen, sign=False))
