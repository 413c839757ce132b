"""Trainable parameters against the method's one number, on log axes, with this setting marked.

The slider on the left of the page is the only one: it moves the marker while it is dragged. Where the pointer rests on
the line, the count of that value is told.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label, text
from app.kit import figure, theme
from peft_core.counting.by_hand import count
from peft_core.methods.method import MethodConfig
from peft_core.t5.architecture import Architecture, BaseModel

HEIGHT = 320
NOW = "now"  # name of a Vega parameter: this setting
ROWS, LIMIT = "rows", "limit"  # names of the data


@dataclass(frozen=True)
class Knob:
    """The number a class turns: a field of the configuration, the name people read, and its range."""

    field: str  # "r", "bottleneck_dim" or "num_virtual_tokens"
    name: str
    low: int
    high: int


@dataclass(frozen=True)
class Limit:
    """A count to stay below, drawn as a line, and a sentence on where the method passes it."""

    count: int
    name: str
    sentence: str


@lru_cache(maxsize=256)
def counts(architecture: Architecture, config: MethodConfig, field: str, low: int, high: int) -> tuple[int, ...]:
    """Trainable parameters by hand for each whole value of `field` from `low` to `high`."""
    return tuple(
        count(architecture, config.model_copy(update={field: value})).trainable_parameters
        for value in range(low, high + 1)
    )


def curve(base: BaseModel, config: MethodConfig, knob: Knob) -> pd.DataFrame:
    """Columns `value` and `count`, one row a whole number; `words` is what stands beside a marker.

    The range reaches this setting even where the slider of the page does not (a reduction factor of 1).
    """
    low, high = knob.low, max(knob.high, getattr(config, knob.field))
    same = config.model_copy(update={knob.field: low})  # one entry of the cache for all settings of the knob
    found = counts(base.architecture, same, knob.field, low, high)
    symbol = knob.name.split()[-1]  # "rank r": r
    words = [
        label("chart", "setting", name=symbol, value=value, count=f"{number:,}")
        for value, number in enumerate(found, low)
    ]
    return pd.DataFrame({"value": range(low, high + 1), "count": found, "words": words})


def draw(base: BaseModel, config: MethodConfig, knob: Knob, limit: Limit | None) -> None:
    """The curve, this setting on it, and the line to stay below."""
    rows = curve(base, config, knob)
    now = getattr(config, knob.field)
    numbers = int(rows.loc[rows["value"] == now, "count"].item())
    words = label(
        "chart", "alt", base=base.name, name=knob.name, value=now, count=f"{numbers:,}",
        low=rows["value"].iloc[0], high=rows["value"].iloc[-1], first=f"{rows['count'].iloc[0]:,}",
        last=f"{rows['count'].iloc[-1]:,}", limit=f" {limit.name}." if limit else "",
    )  # fmt: skip
    figure.draw(chart(rows, now, config.method, knob, limit), "count_chart", words)
    st.caption(text("common", "chart"))
    if limit:
        st.markdown(limit.sentence)


def chart(rows: pd.DataFrame, now: int, method: str, knob: Knob, limit: Limit | None) -> dict[str, Any]:
    """The specification of the chart with the setting `now` on it."""
    ends = [(int(rows[name].iloc[0]), int(rows[name].iloc[-1])) for name in ("value", "count")]
    form = _form(method, knob.name, *ends, limit and limit.count, theme.is_dark())
    data = {ROWS: rows}
    if limit:
        data[LIMIT] = pd.DataFrame({"count": [limit.count], "words": [limit.name]})
    return figure.filled(form, data, {NOW: {"value": now}})


@lru_cache(maxsize=64)
def _form(
    method: str, name: str, values: tuple[int, int], numbers: tuple[int, int], limit: int | None, dark: bool
) -> str:
    """All layers over one data set.

    Args:
        name: of the knob.
        values, numbers: smallest and largest on the axes.
        limit: the count to stay below.
        dark: which of the theme's colours it has.
    """
    style = theme.METHOD[method]
    (low, high), (lowest, highest) = values, numbers
    top = max(highest, limit or 0)
    x = alt.X(
        "value:Q",
        title=label("chart", "x", name=name),
        scale=alt.Scale(type="log", base=2, domain=[low, high], nice=False),
        axis=alt.Axis(values=_powers(low, high), format="d", grid=False),
    )
    y = alt.Y(
        "count:Q",
        title=label("chart", "y"),
        scale=alt.Scale(type="log", domain=[lowest / 2, top * 3], nice=False),
        axis=alt.Axis(
            values=[10**power for power in range(1, 13)], format="~s",
            titleAngle=0, titleAlign="left", titleAnchor="end", titleX=-34, titleY=-12,
        ),
    )  # fmt: skip
    base = alt.Chart(alt.NamedData(ROWS)).encode(x=x, y=y, tooltip=alt.TooltipValue(None))  # the words say it
    line = base.mark_line(color=style.colour, strokeWidth=3)
    told = alt.Tooltip("words:N", title=label("chart", "y"))
    target = base.encode(tooltip=told).mark_point(opacity=0, size=200, aria=False)  # where the pointer rests
    here = base.transform_filter(f"datum.value == {NOW}")
    marker = here.mark_point(shape=style.shape, filled=True, size=230, color=style.colour, opacity=1)
    layers = [line, *(_rule() if limit else []), marker, *_words(here), target]
    whole = alt.layer(*layers).add_params(alt.param(name=NOW, value=low)).properties(height=HEIGHT)
    return figure.form(theme.readable(whole))


def _words(at: alt.Chart) -> list[alt.Chart]:
    """The words of the marker, where they fit: right of it and below, or left of it and above, away from the line."""
    right = "(scale('x', datum.value) + 10 + 8 * length(datum.words) < width + 12)"
    style = {
        "align": alt.ExprRef(f"{right} ? 'left' : 'right'"),
        "dx": alt.ExprRef(f"{right} ? 10 : -10"),
        "dy": alt.ExprRef(f"{right} ? 22 : -22"),
        "fontSize": 15,
        "fontWeight": "bold",
    }
    halo = at.mark_text(stroke=theme.ground(), strokeWidth=5, strokeJoin="round", aria=False, **style)
    return [layer.encode(text=alt.Text("words:N")) for layer in (halo, at.mark_text(color=theme.ink(), **style))]


def _rule() -> list[alt.Chart]:
    """The line to stay below, with its name over its left end."""
    at = alt.Chart(alt.NamedData(LIMIT)).encode(y=alt.Y("count:Q"))
    rule = at.mark_rule(color=theme.frozen(), strokeDash=[6, 4], strokeWidth=2)
    name = at.mark_text(align="left", dx=6, dy=-11, fontSize=14, color=theme.ink())
    return [rule, name.encode(x=alt.XValue(0), text=alt.Text("words:N"))]


def _powers(low: int, high: int) -> list[int]:
    """Powers of two from low to high, and both ends."""
    between = [1 << n for n in range(high.bit_length()) if low < 1 << n < high * 0.8]
    return [low, *between, high]
