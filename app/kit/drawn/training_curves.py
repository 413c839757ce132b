"""Curves of a training run, from the lines of its metrics.jsonl."""

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import theme

MAX_POINTS = 400
HEIGHT = 200  # of each chart: with what stands above them they are on the first screen
LEAST = 0.04  # of the axis of accuracies: less than four points would blow up the noise
SMOOTHING = 0.1  # weight of the newest step in the running mean
Rows = pd.DataFrame | alt.NamedData  # rows, or the name of rows that a form is filled with (figure.py)


def training_curves(metrics: list[dict[str, Any]], planned_steps: int, method: str) -> None:
    """Train loss (raw and smoothed), and validation accuracy beside the noise of its start, over the planned steps."""
    colour = theme.METHOD[method].colour
    domain = [0, max(planned_steps, 1)]
    with st.container(key="curves"):
        left, right = st.columns(2)
    with left:
        _loss(metrics, domain, colour)
    with right:
        _accuracy(metrics, domain, colour)


def step_axis(domain: list[int]) -> alt.X:
    """Steps on the domain of the plan, so that the picture does not jump while the run goes on."""
    scale = alt.Scale(domain=domain, nice=False)
    return alt.X("step:Q", title=label("train", "step"), scale=scale, axis=alt.Axis(tickMinStep=1, format="d"))


def _loss(metrics: list[dict[str, Any]], domain: list[int], colour: str) -> None:
    steps = pd.DataFrame(
        [(m["step"], m["train_loss"]) for m in metrics if m["event"] == "step"], columns=["step", "loss"]
    )
    steps["smooth"] = steps["loss"].ewm(alpha=SMOOTHING).mean()
    last = "" if steps.empty else f"{steps['smooth'].iloc[-1]:.3f}"
    steps = steps.iloc[:: max(1, len(steps) // MAX_POINTS)]
    x = step_axis(domain)
    title, scale = label("train", "loss"), alt.Scale(zero=False)  # from 0, a loss near 0.6 would look flat
    raw = (
        alt.Chart(steps)
        .mark_line(color=colour, opacity=0.35, strokeWidth=1)
        .encode(x=x, y=alt.Y("loss:Q", title=title, scale=scale))
    )
    mean = alt.Chart(steps).mark_line(color=colour, strokeWidth=3).encode(
        x=x, y=alt.Y("smooth:Q", title=title, scale=scale)
    )  # fmt: skip
    st.altair_chart(
        theme.readable((raw + mean).properties(height=HEIGHT)),
        width="stretch",
        key="curve_loss",
        alt=label("train", "loss_alt", steps=len(steps), last=last),
    )


def _accuracy(metrics: list[dict[str, Any]], domain: list[int], colour: str) -> None:
    rows = pd.DataFrame(
        [(m["step"], m["accuracy"], m["low"], m["high"]) for m in metrics if m["event"] == "validation"],
        columns=["step", "accuracy", "low", "high"],
    )
    noise = rows.head(1).assign(first=domain[0], last=domain[1])
    scale = alt.Scale(domain=list(around(rows)), nice=False)
    y = alt.Y("accuracy:Q", title=label("train", "accuracy"), scale=scale, axis=alt.Axis(format=".1~%"))
    chart = accuracies(rows, noise, step_axis(domain), y, scale, colour)
    start_low, start_high = (0.0, 1.0) if rows.empty else (float(rows[end].iloc[0]) for end in ("low", "high"))
    last = "–" if rows.empty else f"{rows['accuracy'].iloc[-1]:.1%}"
    st.altair_chart(
        theme.readable(chart.properties(height=HEIGHT)),
        width="stretch",
        key="curve_accuracy",
        alt=label("train", "accuracy_alt", last=last, n=len(rows), low=f"{start_low:.1%}", high=f"{start_high:.1%}"),
    )


def accuracies(rows: Rows, noise: Rows, x: alt.X, y: alt.Y, scale: alt.Scale, colour: str) -> alt.LayerChart:
    """Validations with their intervals, joined by a line, over the interval of the first.

    Args:
        rows: `step`, `accuracy`, `low` and `high` of each validation.
        noise: `low` and `high` where it would stay if nothing were learned, from `first` to `last`: one row, or none.
        scale: of `y`.
    """
    band = alt.Chart(noise).mark_rect(color=theme.frozen(), opacity=0.2).encode(
        x=alt.X("first:Q"), x2=alt.X2("last:Q"), y=alt.Y("low:Q", scale=scale), y2=alt.Y2("high:Q")
    )  # fmt: skip
    bars = (
        alt.Chart(rows)
        .mark_rule(color=colour, strokeWidth=2)
        .encode(x=x, y=alt.Y("low:Q", scale=scale), y2=alt.Y2("high:Q"))
    )
    line = alt.Chart(rows).mark_line(color=colour, strokeDash=[4, 3]).encode(x=x, y=y)
    points = alt.Chart(rows).mark_point(color=colour, filled=True, size=70).encode(
        x=x, y=y, tooltip=[alt.Tooltip("step:Q"), alt.Tooltip("accuracy:Q", format=".1%")]
    )  # fmt: skip
    return band + bars + line + points


def around(rows: pd.DataFrame) -> tuple[float, float]:
    """The axis of accuracies: what the points and their intervals take up, and a little; never outside 0 to 1."""
    if rows.empty:
        return 0.4, 1.0
    low, high = float(rows["low"].min()), float(rows["high"].max())
    margin = max(0.1 * (high - low), (LEAST - (high - low)) / 2)
    return max(0.0, low - margin), min(1.0, high + margin)
