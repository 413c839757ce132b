"""A cell a weight matrix, a column a block, with a number in it: one figure for a whole checkpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import figure, theme
from app.rank_lab import data
from peft_core.t5.names import Place

CELL = 30  # pixels of a row


@dataclass(frozen=True)
class Cell:
    """One weight matrix: what its colour says, what is written, and further numbers, by the name of their label."""

    name: Place
    value: float
    written: str
    more: Mapping[str, str] = field(default_factory=dict)


@figure.kept
def draw(cells: Sequence[Cell], chosen: str, method: str, words: str, key: str) -> None:
    """The strip; the chosen matrix is framed in the colour of the method.

    Args:
        chosen: `Place.key` of a matrix.
        words: the name of the label for a screen reader, with {rows}.
    """
    rows = pd.DataFrame([_row(cell, chosen) for cell in cells])
    highest = float(rows["value"].max()) or 1.0
    pale, strong, change = theme.on_ramp()
    blocks, modules = list(dict.fromkeys(rows["block"])), list(dict.fromkeys(rows["module"]))
    plain_axis = {"ticks": False, "domain": False, "labelFlush": False}
    above = alt.Axis(orient="top", labelAngle=0, labelExpr="split(datum.label, ' ')", **plain_axis)  # in two lines
    tips = [alt.Tooltip("place:N", title=label("rank_lab", "layer"))]
    tips += [alt.Tooltip(f"{name}:N", title=label("rank_lab", name)) for name in cells[0].more]
    base = alt.Chart(rows).encode(
        x=alt.X("block:N", sort=blocks, title=None, axis=above),
        y=alt.Y("module:N", sort=modules, title=None, axis=alt.Axis(labelLimit=170, **plain_axis)),
        tooltip=tips,
    )
    colour = alt.Color(
        "value:Q", scale=alt.Scale(domain=[0, highest], range=theme.ramp(), interpolate="rgb"), legend=None
    )
    boxes = base.mark_rect(stroke=theme.frozen(), strokeWidth=0.5).encode(color=colour)
    frame = base.transform_filter("datum.chosen").mark_rect(
        fillOpacity=0, stroke=theme.METHOD[method].colour, strokeWidth=4
    )
    on = alt.condition(f"datum.value > {change * highest}", alt.value(strong), alt.value(pale))
    numbers = base.mark_text(fontSize=14).encode(text=alt.Text("written:N"), color=on)
    chart = (boxes + frame + numbers).properties(height=CELL * len(modules) + 44)
    listed = "; ".join(f"{place} {written}" for place, written in zip(rows["place"], rows["written"], strict=True))
    st.altair_chart(theme.readable(chart), width="stretch", key=key, alt=label("rank_lab", words, rows=listed))


def _row(cell: Cell, chosen: str) -> dict[str, object]:
    name = cell.name
    place = label("steps", name.layer)
    return {
        "block": label("rank_lab", "block", stack=label("steps", name.stack)[:3], block=name.block + 1),
        "module": label("steps", "place_module", place=place, module=name.module),
        "place": data.in_words(name),
        "value": cell.value,
        "written": cell.written,
        "chosen": name.key == chosen,
        **cell.more,
    }
