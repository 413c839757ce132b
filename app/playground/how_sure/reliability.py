"""Does a probability mean what it says? A diagram a checkpoint, and its expected calibration error beside chance's."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from app.content import label, text
from app.kit import figure, theme
from app.kit.asking.classes import Classes
from app.kit.plain import escaped
from app.playground.how_sure.threshold import Tested
from peft_core.statistics.calibration import (
    BINS,
    DRAWS,
    Bin,
    PerfectEce,
    expected_calibration_error,
    perfect_ece,
    reliability,
    within,
)

ABOUT = (0.85, 0.95)  # "about 0.9"


def draw(tested: list[Tested], classes: Classes) -> None:
    """The diagrams, the numbers, and what the numbers of a perfect checkpoint would be."""
    st.markdown(text("many", "calibration", **classes.written))
    _diagrams(tested, classes)
    _numbers(tested)
    st.caption(text("many", "ece", bins=BINS, draws=f"{DRAWS:,}"))


def _diagrams(tested: list[Tested], classes: Classes) -> None:
    bins = [reliability(t.positive, t.labels) for t in tested]
    largest = max(b.count for each in bins for b in each)
    columns = st.columns(2)  # also for one: wider, the diagonal would lie flat
    for number, (one, found) in enumerate(zip(tested, bins, strict=True)):
        with columns[number % len(columns)]:
            st.markdown(f"**{escaped(one.title)}**")
            _diagram(tuple(found), one.title, one.style, largest, classes, number)
            about = within(one.positive, one.labels, *ABOUT)
            if about:
                values = {"n": round(100 * about.observed), "count": f"{about.count:,}", **classes.written}
                st.markdown(label("calibration", "about", **values))
            else:
                st.markdown(label("calibration", "about_none", **classes.written))


@figure.kept
def _diagram(bins: Sequence[Bin], title: str, style: theme.Style, largest: int, classes: Classes, number: int) -> None:
    words = label("calibration", "diagram_alt", name=title, rows="; ".join(in_words(b, classes) for b in bins))
    chart = theme.readable(diagram(bins, style, largest, classes))
    st.altair_chart(chart, width="stretch", key=f"calibration_diagram_{number}", alt=words)


def in_words(b: Bin, classes: Classes) -> str:
    """A mark of the diagram for a screen reader."""
    values = {"predicted": f"{b.mean_predicted:.0%}", "observed": f"{b.observed:.0%}", "n": f"{b.count:,}"}
    return label("calibration", "bin", **values, **classes.plain)


def diagram(bins: Sequence[Bin], style: theme.Style, largest: int, classes: Classes) -> alt.LayerChart:
    """Observed share against mean prediction; the area of a mark is the number of reviews, the bar its interval."""
    rows = pd.DataFrame([vars(b) for b in bins])
    axis, scale = alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]), alt.Scale(domain=[0, 1])
    x = alt.X("mean_predicted:Q", title=label("calibration", "predicted"), scale=scale, axis=axis)
    observed = label("calibration", "observed", **classes.plain)
    y = alt.Y("observed:Q", title=observed, scale=scale, axis=axis)
    ends = pd.DataFrame({"mean_predicted": [0, 1], "observed": [0, 1]})
    diagonal = alt.Chart(ends).mark_line(color=theme.frozen(), strokeDash=[5, 4]).encode(x=x, y=y)
    base = alt.Chart(rows).encode(x=x)
    bars = base.mark_rule(color=theme.soft_ink(), strokeWidth=2).encode(
        y=alt.Y("observed_low:Q", scale=scale, title=observed), y2=alt.Y2("observed_high:Q")
    )
    points = base.mark_point(filled=True, opacity=0.9, color=style.colour, shape=style.shape, stroke=theme.ink())
    size = alt.Size("count:Q", scale=alt.Scale(domain=[0, largest], range=[15, 700]), legend=None)
    names = (("mean_predicted", ".1%"), ("observed", ".1%"), ("count", ","))
    tips = [
        alt.Tooltip(f"{f}:Q", format=form, title=label("calibration", f"tip_{f}", **classes.plain)) for f, form in names
    ]
    return (diagonal + points.encode(y=y, size=size, tooltip=tips) + bars).properties(height=300)


def _numbers(tested: list[Tested]) -> None:
    """ECE beside what a perfectly calibrated checkpoint with as many reviews and the same probabilities shows."""
    rows = []
    for t in tested:
        test, ece, chance = t.info.record.test, expected_calibration_error(t.positive, t.labels), perfect(t.positive)
        row = {
            "checkpoint": t.title,
            "accuracy": f"{test.accuracy:.1%} ({test.low:.1%} – {test.high:.1%})",
            "ece": f"{100 * ece:.1f}",
            "perfect": f"{100 * chance.mean:.1f}, {100 * chance.most:.1f}",
            "told": label("calibration", "told_yes" if ece > chance.most else "told_no"),
            "n": f"{test.n:,}",
        }
        rows.append({label("calibration", f"column_{name}"): value for name, value in row.items()})
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", key="calibration_numbers")


@st.cache_data(max_entries=64, show_spinner=False)
def perfect(positive: np.ndarray) -> PerfectEce:
    """What a perfectly calibrated checkpoint with these probabilities shows: 0.03 s, once."""
    return perfect_ece(positive)
