"""From what numbers does A start? Four ways to draw them, to scale, for the width of this base model."""

from math import sqrt

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from app.content import label, text
from app.kit import figure, theme
from app.method.shapes import matrix_shape
from peft_core.methods.lora.method import LoraConfig
from peft_core.t5.architecture import BaseModel

POINTS = 401


def kaiming_bound(inner: int, a: float) -> float:
    """Kaiming-uniform draws from −bound to bound: √(6 / ((1 + a²)·in)) (He et al. 2015)."""
    return sqrt(6 / ((1 + a * a) * inner))


def draw(base: BaseModel, config: LoraConfig) -> None:
    """Claim, the densities, and what a wider start does."""
    _, inner = matrix_shape(base.architecture, config.target_modules[0])
    ours, report = kaiming_bound(inner, sqrt(5)), kaiming_bound(inner, 0)
    st.markdown(text("lora_choices", "start"))
    _chart(ours, report)
    values = {"inner": f"{inner:,}", "ours": f"{ours:.3f}", "report": f"{report:.3f}", "wider": f"{report / ours:.2f}"}
    st.markdown(text("lora_choices", "start_numbers", **values))
    st.caption(text("lora_choices", "start_source"))


@figure.kept
def _chart(ours: float, report: float) -> None:
    """Densities over the same axis: two boxes, and a bell with the spread of the narrow box."""
    x = np.linspace(-1.25 * report, 1.25 * report, POINTS)
    spread = ours / sqrt(3)
    densities = {
        "ours": np.where(np.abs(x) <= ours, 1 / (2 * ours), 0),
        "report": np.where(np.abs(x) <= report, 1 / (2 * report), 0),
        "gauss": np.exp(-(x**2) / (2 * spread**2)) / (spread * sqrt(2 * np.pi)),
    }
    names = [label("lora_choices", f"start_{name}") for name in densities]
    rows = pd.concat(
        pd.DataFrame({"x": x, "density": density, "name": name})
        for name, density in zip(names, densities.values(), strict=True)
    )
    chart = (
        alt.Chart(rows)
        .mark_line(interpolate="step-after", strokeWidth=2.5, color=theme.METHOD["lora"].colour)
        .encode(
            x=alt.X(
                "x:Q", title=label("lora_choices", "start_x"), scale=alt.Scale(nice=False),
                axis=alt.Axis(grid=False, tickCount=7),
            ),
            y=alt.Y("density:Q", title=None, axis=None),
            strokeDash=alt.StrokeDash(
                "name:N", scale=alt.Scale(domain=names, range=[[1, 0], [7, 3], [2, 2]]),
                legend=alt.Legend(orient="bottom", title=None, labelLimit=0, symbolSize=400, columns=1,
                                  labelColor=theme.ink(), labelFontSize=14),
            ),
        )
    )  # fmt: skip
    words = label("lora_choices", "start_alt", ours=f"{ours:.4f}", report=f"{report:.4f}", spread=f"{spread:.4f}")
    st.altair_chart(theme.readable(chart.properties(height=300)), width="stretch", key="lora_start_chart", alt=words)
