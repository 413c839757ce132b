"""In which precision: why a weight that trains is held twice, in bf16 and in fp32."""

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from app import services
from app.content import label, text
from app.kit import figure, theme, url
from app.kit.formats import share
from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_of
from peft_core.t5.architecture import BaseModel

PAGE, KEY = "method/full", "bf16_weight"
SIZES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
STEPS = 40
HEIGHT = 250
DASHES = [[1, 0], [8, 4], [2, 3]]  # of the three courses: none is told by its colour alone


def to_bf16(values: np.ndarray) -> np.ndarray:
    """The nearest numbers with 8 significant bits, as fp32; of two equally near, the one whose last bit is 0."""
    bits = np.asarray(values, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


def courses(start: float, step: float, steps: int) -> dict[str, np.ndarray]:
    """A weight that each step moves by `step`: kept in fp32, the bf16 copy of that, and kept in bf16 alone."""
    first = to_bf16(np.float32(start))
    master = (first + np.float32(step) * np.arange(steps + 1, dtype=np.float32)).astype(np.float32)
    alone = [first]
    for _ in range(steps):
        alone.append(to_bf16(alone[-1] + np.float32(step)))
    return {"master": master, "copy": to_bf16(master), "alone": np.array(alone, dtype=np.float32)}


def draw(base: BaseModel, config: MethodConfig) -> None:
    """A weight's size, and its course over some steps in three ways of keeping it."""
    rate = method_of(config).learning_rate
    st.markdown(text(PAGE, "precision", rate=rate))
    url.nearest(KEY, label(PAGE, "precision_weight"), SIZES)
    size = st.select_slider(label(PAGE, "precision_weight"), SIZES, 1.0, key=KEY, bind="query-params")
    found = courses(size, rate, STEPS)
    _chart(found)
    first = float(found["alone"][0])
    values = {
        "first": f"{first:.4g}", "after": f"{_next(first):.6g}", "steps": STEPS, "rate": rate,
        "alone": f"{found['alone'][-1] - first:.4g}", "master": f"{found['master'][-1] - first:.4g}",
    }  # fmt: skip
    st.markdown(text(PAGE, "precision_reading", **values))
    if lost := _lost(base, rate):
        st.markdown(text(PAGE, "precision_lost", share=share(lost), base=base.name, rate=rate))


def _next(value: float) -> float:
    """The next larger number with 8 significant bits."""
    bits = np.float32(value).view(np.uint32)
    return float(np.uint32(bits + 0x10000).view(np.float32))


def _lost(base: BaseModel, rate: float) -> float | None:
    """The share of this base model's weights that a step of this length leaves where they are, in bf16."""
    if not services.loadable(base.name) or services.libraries().error or not services.libraries().ready.is_set():
        return None
    try:
        return _share_lost(base.name, rate)
    except PeftClassroomError:  # busy: the sentence waits for another turn
        return None


@st.cache_data(max_entries=8, show_spinner=False)
def _share_lost(base: str, rate: float) -> float:
    with services.exclusive_predictor(base) as predictor:
        weights = [p.detach().numpy() for p in predictor.backbone.model.parameters()]
    still = sum(int((to_bf16(to_bf16(w) + np.float32(rate)) == to_bf16(w)).sum()) for w in weights)
    return still / sum(w.size for w in weights)


@figure.kept
def _chart(found: dict[str, np.ndarray]) -> None:
    names = {name: label(PAGE, f"precision_{name}") for name in found}
    frame = pd.DataFrame(
        [
            {"kept": names[name], "step": i, "w": float(w)}
            for name, course in found.items()
            for i, w in enumerate(course)
        ]
    )
    order = list(names.values())
    colours = [theme.METHOD["full"].colour, theme.POSITIVE.colour, theme.NEGATIVE.colour]
    low, high = float(frame["w"].min()), float(frame["w"].max())
    x = alt.X("step:Q", title=label(PAGE, "precision_x"), axis=alt.Axis(tickCount=5, grid=False))
    y = alt.Y(
        "w:Q", title=None, scale=alt.Scale(domain=[low, high], nice=True), axis=alt.Axis(tickCount=4, format=".4~g")
    )
    legend = alt.Legend(
        orient="bottom", title=None, columns=1, labelLimit=400, labelFontSize=14, labelColor=theme.ink()
    )
    chart = alt.Chart(frame).mark_line(strokeWidth=3, interpolate="step-after")
    chart = chart.encode(
        x=x, y=y, color=alt.Color("kept:N", scale=alt.Scale(domain=order, range=colours), legend=legend),
        strokeDash=alt.StrokeDash("kept:N", scale=alt.Scale(domain=order, range=DASHES), legend=legend),
        tooltip=alt.TooltipValue(None),
    )  # fmt: skip
    rows = "; ".join(f"{names[name]}: {course[0]:.4g} → {course[-1]:.4g}" for name, course in found.items())
    words = label(PAGE, "precision_alt", rows=rows)
    st.altair_chart(theme.readable(chart.properties(height=HEIGHT)), width="stretch", key="precision_chart", alt=words)
