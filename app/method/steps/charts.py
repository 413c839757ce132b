"""Small heat-maps of real tensors: signed values from orange to blue, sizes and norms beside them in words."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import figure, theme
from app.kit.plain import escaped
from peft_core.methods.steps import Tensor

COLUMNS, ROWS = 32, 16  # of a heat-map, at most
MANY = 4  # rows: their names are smaller then
STRIP, ROW, AXIS = 26, 16, 22  # height of a strip, of a matrix row, and of the numbers under them, in pixels
PADDING = {"left": 0, "top": 4, "right": 8, "bottom": 4}
PRINTED, A_LINE = 16, 8  # so many numbers are written out, so many in a line


def number(value: float) -> str:
    """Three digits, or all before the point; exactly 0 is "0"."""
    written = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return written.replace("-", "−")


def signed(value: float) -> str:
    """Short enough for a cell, with a sign; only what is exactly 0 is "0"."""
    written = f"{value:+.2f}" if abs(value) >= 0.005 else f"{value:+.0e}"
    return written.replace("-", "−") if value else "0"


def shape(sizes: Sequence[int]) -> str:
    """A shape as text, as in "8 × 256"; one number for a vector."""
    return " × ".join(f"{size:,}" for size in sizes)


@figure.kept
def strips(tensors: Sequence[Tensor], key: str, last: bool = True) -> None:
    """Vectors of one length, one row each, on one scale; few numbers are written out. The `last` one has an axis."""
    values = np.stack([tensor.values[:COLUMNS] for tensor in tensors])
    names, size = [tensor.name for tensor in tensors], len(tensors[0].values)
    written_out = len(tensors) == 1 and size <= PRINTED
    facts = [label("steps", "tensor", name=escaped(t.name), norm=number(t.norm)) for t in tensors]
    if size > COLUMNS:
        facts.append(label("steps", "first_columns", shown=COLUMNS, total=f"{size:,}"))
    else:
        facts.append(label("steps", "numbers", count=f"{size:,}"))
    st.caption(" · ".join([*facts, _scale(values)]))
    cells = _cells(values, names)
    _show(_written_out(cells) if written_out else _strips(cells, names, last), key, tensors, values)


@figure.kept
def matrix(tensor: Tensor, rows: Sequence[str], first_row: int, key: str) -> None:
    """The rows from `first_row` on, and the first columns. `rows` are names of all rows; they may be user text."""
    shown = tensor.values[first_row : first_row + ROWS, :COLUMNS]
    facts = [label("steps", "tensor", name=escaped(tensor.name), norm=number(tensor.norm))]
    total, columns = tensor.shape
    if columns > COLUMNS:
        facts.append(label("steps", "first_columns", shown=COLUMNS, total=f"{columns:,}"))
    if total > len(shown):
        facts.append(label("steps", "some_rows", first=first_row + 1, last=first_row + len(shown), total=f"{total:,}"))
    st.caption(" · ".join([*facts, _scale(shown)]))
    names = list(rows[first_row : first_row + len(shown)])
    chart = _base(_cells(shown, names), names).mark_rect().properties(height=ROW * len(names) + AXIS)
    _show(chart, key, [tensor], shown)


def _scale(values: np.ndarray) -> str:
    limit = float(np.abs(values).max())
    return label("steps", "scale", limit=number(limit)) if limit else label("steps", "scale_zero")


def _cells(values: np.ndarray, rows: Sequence[str]) -> pd.DataFrame:
    """One line a cell: name of the row, column from 1, value."""
    return pd.DataFrame(
        {
            "row": np.repeat(list(rows), values.shape[1]),
            "column": np.tile(np.arange(1, values.shape[1] + 1), len(rows)),
            "value": values.ravel().astype(float),
        }
    )


def _colour(cells: pd.DataFrame) -> alt.Color:
    """Orange, pale, blue, as strong as the largest number; pale is exactly 0."""
    limit = float(cells["value"].abs().max()) or 1.0
    colours = [theme.NEGATIVE.colour, "#2A313B" if theme.is_dark() else "#F1F2F4", theme.POSITIVE.colour]
    return alt.Color(
        "value:Q", scale=alt.Scale(domain=[-limit, 0, limit], range=colours, interpolate="rgb"), legend=None
    )


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("row:N", title=label("steps", "row")),
        alt.Tooltip("column:Q", title=label("steps", "column")),
        alt.Tooltip("value:Q", title=label("steps", "value"), format="+.4g"),
    ]


def _base(cells: pd.DataFrame, rows: Sequence[str], numbered: bool = True) -> alt.Chart:
    ticks = alt.Axis(values=[1, 8, 16, 24, 32], labelAngle=0, title=None, labelPadding=5, ticks=False, domain=False)
    names = alt.Axis(
        title=None, labelLimit=130, labelPadding=6, labelOverlap=False, labelFlush=False, ticks=False, domain=False
    )
    if len(rows) > MANY:
        names.labelFontSize = 13
    return alt.Chart(cells).encode(
        x=alt.X("column:O", axis=ticks if numbered else None),
        y=alt.Y("row:N", sort=list(rows), axis=names if len(rows) > 1 else None),
        color=_colour(cells),
        tooltip=_tooltip(),
    )


def _strips(cells: pd.DataFrame, rows: Sequence[str], numbered: bool) -> alt.LayerChart:
    base = _base(cells, rows, numbered)
    minus = base.transform_filter("datum.value < 0").mark_text(text="−", fontSize=13)
    layers = base.mark_rect(stroke=theme.ground(), strokeWidth=1) + minus.encode(color=alt.ColorValue(theme.ink()))
    return layers.properties(height=STRIP * len(rows) + (AXIS if numbered else 0) + 8)


def _written_out(cells: pd.DataFrame) -> alt.LayerChart:
    """A coloured cell over each number, eight in a line."""
    place = cells["column"] - 1
    cells = cells.assign(line=place // A_LINE, place=place % A_LINE, written=cells["value"].map(signed))
    base = alt.Chart(cells).encode(x=alt.X("place:O", axis=None), y=alt.Y("line:O", axis=None), tooltip=_tooltip())
    colour = base.mark_rect(height=20, stroke=theme.ground(), strokeWidth=1, yOffset=-12).encode(color=_colour(cells))
    words = base.mark_text(fontSize=13, dy=11, color=theme.ink()).encode(text=alt.Text("written:N"))
    return (colour + words).properties(height=48 * (int(cells["line"].max()) + 1))


def _show(chart: alt.TopLevelMixin, key: str, tensors: Sequence[Tensor], values: np.ndarray) -> None:
    low, high = number(float(values.min())), number(float(values.max()))
    what = ", ".join(tensor.name for tensor in tensors)
    size = label("steps", "numbers", count=shape(tensors[-1].shape))
    words = label("steps", "heat_alt", what=what, numbers=size, low=low, high=high)
    st.altair_chart(theme.readable(chart.properties(padding=PADDING)), width="stretch", key=key, alt=words)
