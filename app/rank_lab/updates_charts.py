"""Charts of one ΔW: its σ and its energy beside a random matrix's."""

from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import figure, theme
from app.rank_lab import data
from app.rank_lab.data import Layer
from peft_core.analysis.spectra.spectrum import energy_curve

ROWS = "rows"  # name of the data
HEIGHT = 220
FEW = 16  # points, at most, that are marked one by one


def spectrum(layer: Layer, method: str) -> None:
    """σ against its number, and the share of the energy against the number of terms, beside a random matrix's.

    Where the stored weights were rounded, a dotted line is the largest σ of rounding.
    """
    place = data.in_words(layer.name)
    values = {"sigma": (1, layer.sigmas, layer.random)}
    values["energy"] = 0, energy_curve(layer.sigmas), energy_curve(layer.random)
    for column, (name, (first, measured, random)) in zip(st.columns(2), values.items(), strict=True):
        rows = pd.DataFrame(
            {
                "k": np.tile(np.arange(first, first + len(measured)), 2),
                "value": np.concatenate([measured, random]),
                "kind": np.repeat(["measured", "random"], len(measured)),
            }
        )
        if name == "sigma" and layer.floor:
            ends = {"k": [1, len(measured)], "value": layer.floor, "kind": "floor"}
            rows = pd.concat([rows, pd.DataFrame(ends)])
        spec = figure.filled(_form(name, method, len(measured) <= FEW + 1, theme.is_dark()), {ROWS: rows}, {})
        shown = range(0, min(len(measured), 4))
        words = {
            kind: ", ".join(label("rank_lab", f"{name}_row", k=first + i, value=f"{of[i]:.3g}") for i in shown)
            for kind, of in (("measured", measured), ("random", random))
        }
        with column:
            st.markdown(label("rank_lab", f"{name}_title"))
            figure.draw(spec, f"delta_{name}", label("rank_lab", f"{name}_alt", place=place, n=len(measured), **words))


@lru_cache(maxsize=32)
def _form(name: str, method: str, few: bool, dark: bool) -> str:
    """Two lines over one data set: solid with marks of the method, dashed the random matrix."""
    style = theme.METHOD[method]
    share = name == "energy"
    x = alt.X("k:Q", title=label("rank_lab", f"{name}_x"), axis=alt.Axis(format="d", tickMinStep=1, grid=False))
    y = alt.Y(
        "value:Q",
        title=None,
        scale=alt.Scale(domain=[0, 1]) if share else alt.Scale(zero=True),
        axis=alt.Axis(format="%" if share else "~g", tickCount=5),
    )
    tips = [
        alt.Tooltip("k:Q", title=label("rank_lab", f"{name}_x")),
        alt.Tooltip("value:Q", title=label("rank_lab", f"{name}_tip"), format=".1%" if share else ".4g"),
    ]
    base = alt.Chart(alt.NamedData(ROWS)).encode(x=x, y=y, tooltip=tips)
    random = base.transform_filter("datum.kind == 'random'")
    measured = base.transform_filter("datum.kind == 'measured'")
    marks = measured.mark_point(filled=True, shape=style.shape, size=110 if few else 18, color=style.colour, opacity=1)
    layers = random.mark_line(color=theme.soft_ink(), strokeDash=[5, 4], strokeWidth=2)
    layers += base.transform_filter("datum.kind == 'floor'").mark_line(
        color=theme.ink(), strokeDash=[1, 4], strokeCap="round", strokeWidth=2.5
    )
    layers += measured.mark_line(color=style.colour, strokeWidth=2.5)
    return figure.form(theme.readable((layers + marks).properties(height=HEIGHT)))
