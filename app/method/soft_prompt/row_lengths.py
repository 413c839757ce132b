"""How far did the rows go? Their lengths beside those of all words, and what that says of the learning rate."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from app.content import label, text
from app.kit import figure, theme
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.methods.registry import METHODS
from peft_core.paths import RESULTS
from peft_core.training.sweep import Trial, read_sweep

PAGE = "method/soft_prompt"
BINS = 60
HEIGHT = 190


def draw(words: np.ndarray, start: Sequence[float], end: Sequence[float], size: float, info: CheckpointInfo) -> None:
    """Claim, the three groups of lengths on one axis, and why the rate is what it is.

    Args:
        words: the length of every word's row.
        size: root mean square of a number of a word.
    """
    record = info.record
    now = {"low": words.min(), "high": words.max(), "start": np.mean(start), "end": np.mean(end)}
    st.markdown(text(PAGE, "lengths", **now, steps=record.best_step))
    _chart(words, start, end)
    rates = {"rate": record.learning_rate, "lora": METHODS["lora"].learning_rate}
    most = rates["lora"] * record.planned_steps
    st.markdown(text(PAGE, "lengths_rate", **rates, size=size, steps=record.planned_steps, most=most))
    trials = tried(read_sweep(RESULTS / "sweep-tiny-t5.json").trials, info)
    if len(trials) > 1:
        listed = ", ".join(
            text(PAGE, "lengths_trial", rate=t.learning_rate, accuracy=f"{t.validation.accuracy:.1%}") for t in trials
        )
        first, n = trials[0], trials[0].validation.n
        errors = [(t.validation.accuracy * (1 - t.validation.accuracy) / n) ** 0.5 for t in trials]
        values = {"reviews": first.config.data.train_size, "n": n, "error": 100 * max(errors)}
        st.markdown(text(PAGE, "lengths_sweep", trials=listed, **values))


def tried(trials: Sequence[Trial], info: CheckpointInfo) -> list[Trial]:
    """The rates that were tried with this configuration on this base model, rising."""
    same = (info.record.config.method, info.record.base_fingerprint)
    found = [trial for trial in trials if (trial.config.method, trial.base_fingerprint) == same and trial.validation]
    return sorted(found, key=lambda trial: trial.learning_rate)


@figure.kept
def _chart(words: np.ndarray, start: Sequence[float], end: Sequence[float]) -> None:
    """The words as a shape over the axis, the rows as marks below it: hollow at the start, filled after training."""
    counts, edges = np.histogram(words, BINS)
    shape = pd.DataFrame({"length": (edges[:-1] + edges[1:]) / 2, "share": counts / counts.max()})
    named = {"start": start, "end": end}
    marks = pd.DataFrame([{"length": v, "group": g} for g, values in named.items() for v in values])
    order = ["start", "end"]
    texts = pd.DataFrame(
        [{"group": g, "words": label(PAGE, f"lengths_{g}"), "at": float(np.max(v))} for g, v in named.items()]
        + [{"group": "words", "words": label(PAGE, "lengths_words"), "at": float(words.max())}]
    )
    places = {"words": 0.5, "start": -0.35, "end": -0.8}
    top = max(float(words.max()), *start, *end)
    x = alt.X(
        "length:Q", title=label(PAGE, "lengths_axis"), scale=alt.Scale(domain=[0, 1.05 * top], nice=False),
        axis=alt.Axis(tickCount=8, grid=False),
    )  # fmt: skip
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[-1.1, 1.05]))
    style = theme.METHOD["soft_prompt"]
    area = alt.Chart(shape.assign(y=shape["share"], zero=0)).mark_area(color=theme.frozen(), opacity=0.6)
    layers = [area.encode(x=x, y=y, y2=alt.Y2("zero:Q"))]
    for group in order:
        of = marks[marks["group"] == group].assign(y=places[group])
        points = alt.Chart(of).mark_point(shape=style.shape, size=110, color=style.colour, opacity=1,
                                          filled=group == "end", strokeWidth=2)  # fmt: skip
        layers.append(points.encode(x=x, y=y))
    texts["y"] = texts["group"].map(places)
    texts["length"] = np.minimum(texts["at"], 1.05 * top)
    right = alt.ExprRef("scale('x', datum.length) > width / 2 ? 'right' : 'left'")
    aside = alt.ExprRef("scale('x', datum.length) > width / 2 ? 0 : 14")
    above = alt.ExprRef("scale('x', datum.length) > width / 2 ? -14 : 0")
    names = alt.Chart(texts).mark_text(align=right, dx=aside, dy=above, fontSize=14, color=theme.ink())
    layers.append(names.encode(x=x, y=y, text=alt.Text("words:N")))
    spoken = {name: f"{np.min(v):.1f} to {np.max(v):.1f}" for name, v in named.items()}
    alt_text = label(
        PAGE, "lengths_alt", low=f"{words.min():.1f}", high=f"{words.max():.1f}", mean=f"{words.mean():.1f}", **spoken
    )
    chart = alt.layer(*layers).properties(height=HEIGHT)
    st.altair_chart(theme.readable(chart), width="stretch", key="prompt_lengths", alt=alt_text)
