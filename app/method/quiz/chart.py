"""A guess beside the measurement and the naive answer, on one logarithmic scale."""

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import theme
from app.kit.formats import times
from app.method.quiz.questions.question import Estimate

HEIGHT = 170  # pixels


def truth(estimate: Estimate) -> str:
    """The measured ratio as it is written."""
    return times(estimate.truth)


def draw(estimate: Estimate, guess: float) -> None:
    """Three rows, each a point with its words: what was guessed, what is true, what the parameters suggest."""
    rows = pd.DataFrame(
        [
            {"what": label("quiz", name), "value": value, "words": times(value), "is": name}
            for name, value in (("your_guess", guess), ("truth", estimate.truth), ("naive", estimate.naive))
        ]
    )
    farthest = 2 * max(guess, estimate.naive, estimate.truth)
    x = alt.X(
        "value:Q",
        title=label("quiz", "times_less"),
        scale=alt.Scale(type="log", domain=[min(1.0, estimate.truth), farthest], nice=False),
        axis=alt.Axis(values=[v for v in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000) if v <= farthest]),
    )
    y = alt.Y("what:N", sort=None, title=None, axis=alt.Axis(labelLimit=160))
    names, shapes = ["your_guess", "truth", "naive"], ["diamond", "circle", "cross"]
    colours = [theme.POSITIVE.colour, theme.METHOD["lora"].colour, theme.frozen()]
    base = alt.Chart(rows).encode(x=x, y=y)
    points = base.mark_point(filled=True, size=220, opacity=1).encode(
        color=alt.Color("is:N", scale=alt.Scale(domain=names, range=colours), legend=None),
        shape=alt.Shape("is:N", scale=alt.Scale(domain=names, range=shapes), legend=None),
    )
    far = f"datum.value > {farthest**0.6}"
    right = base.transform_filter(f"!({far})").mark_text(align="left", dx=14, fontSize=15, color=theme.ink())
    left = base.transform_filter(far).mark_text(align="right", dx=-14, fontSize=15, color=theme.ink())
    chart = points + right.encode(text=alt.Text("words:N")) + left.encode(text=alt.Text("words:N"))
    st.altair_chart(
        theme.readable(chart.properties(height=HEIGHT)),
        width="stretch",
        key="quiz_chart",
        alt=label("quiz", "chart_alt", guess=times(guess), truth=truth(estimate), naive=times(estimate.naive)),
    )
