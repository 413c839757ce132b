"""How far a step goes: the learning rate along a run, and the gradient that is cut where it is too long."""

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

from app import services
from app.content import label, text
from app.kit import figure, theme
from peft_core.config import RunConfig
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_label
from peft_core.t5.architecture import BaseModel

PAGE = "method/full"
HEIGHT = 190
POINTS = 120  # drawn of a run's steps


def draw(base: BaseModel, config: MethodConfig) -> None:
    """The course of the shipped run; where there is none, of the settings that a run has by itself."""
    run, steps = _shipped(config) or _usual(base, config)
    train = run.train
    warm = max(1, round(train.warmup_fraction * steps))
    st.markdown(text(PAGE, "rate", method=method_label(config), steps=steps, warm=warm, peak=run.learning_rate))
    left, right = st.columns(2)
    colour = theme.METHOD[config.method].colour
    with left:
        st.markdown(label(PAGE, "rate_title"))
        at = sorted({round(i * (steps - 1) / POINTS) for i in range(POINTS + 1)} | {warm - 1})
        course = [(step, train.rate_at(step, steps, run.learning_rate)) for step in at]
        words = label(
            PAGE, "rate_alt", first=f"{course[0][1]:.1g}", peak=f"{run.learning_rate:g}", warm=warm, steps=steps
        )
        _line(course, "rate_x", colour, "rate_chart", words)
    with right:
        st.markdown(label(PAGE, "clip_title"))
        limit = train.max_grad_norm
        cut = [(x / 20 * limit, min(x / 20, 1) * limit) for x in range(0, 61)]
        _line(cut, "clip_x", colour, "clip_chart", label(PAGE, "clip_alt", limit=f"{limit:g}"))
    st.markdown(text(PAGE, "rate_why", limit=limit))


def _shipped(config: MethodConfig) -> tuple[RunConfig, int] | None:
    for info in services.checkpoints():
        if info.shipped and info.record.config.method == config:
            return info.record.config, info.record.planned_steps
    return None


def _usual(base: BaseModel, config: MethodConfig) -> tuple[RunConfig, int]:
    run = RunConfig(base=base.name, method=config)
    return run, run.train.epochs * -(-run.data.train_size // run.train.batch_size)


@figure.kept
def _line(points: Sequence[tuple[float, float]], x_title: str, colour: str, key: str, words: str) -> None:
    frame = pd.DataFrame(points, columns=["x", "y"])
    x = alt.X("x:Q", title=label(PAGE, x_title), axis=alt.Axis(tickCount=5, grid=False))
    chart = alt.Chart(frame).mark_line(strokeWidth=3, color=colour)
    chart = chart.encode(x=x, y=alt.Y("y:Q", title=None, axis=alt.Axis(tickCount=4)), tooltip=alt.TooltipValue(None))
    st.altair_chart(theme.readable(chart.properties(height=HEIGHT)), width="stretch", key=key, alt=words)
