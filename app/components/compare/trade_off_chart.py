"""The chart of accuracy against trainable parameters: names beside the marks where there is room, else numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from app.components import theme
from app.components.compare import linked
from app.content import label

HEIGHT = 420
WIDTH = 820  # pixels on a projector, axes excluded: the narrowest chart that has names and not numbers
NARROW = 640
LETTER, LINE = 7.4, 17  # pixels of a letter on average, and of a line
KEY = "trade_off_chart"


def draw(frame: pd.DataFrame, chosen: str, keys: Sequence[str], words: str) -> None:
    """Filled marks are ours, hollow ones the report's; a click on a mark chooses its row of the table."""
    x_domain, y_domain = _domains(frame)
    frame = frame.assign(**_placed(frame, x_domain, y_domain))
    x = alt.X(
        "trainable:Q",
        title=label("compare", "axis_trainable"),
        scale=alt.Scale(type="log", domain=x_domain, nice=False),
        axis=alt.Axis(format="~s", values=[10**power for power in range(2, 12)], grid=False),
    )
    scale = alt.Scale(domain=y_domain, nice=False)
    y = alt.Y("accuracy:Q", title=label("compare", "axis_accuracy"), scale=scale, axis=alt.Axis(format=".0%"))
    pick = alt.selection_point(name=linked.POINT, fields=[linked.ROW], on="click", empty=False)
    base = alt.Chart(frame).encode(x=x, tooltip=alt.value(None))
    names = list(theme.METHOD)
    styles = [theme.METHOD[name] for name in names]
    colour = alt.Color("method:N", scale=alt.Scale(domain=names, range=[s.colour for s in styles]), legend=None)
    shape = alt.Shape("method:N", scale=alt.Scale(domain=names, range=[s.shape for s in styles]), legend=None)
    intervals = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q", color=colour)
    marks = base.encode(y=y, color=colour, shape=shape)
    ground = "#12161C" if theme.is_dark() else "#FFFFFF"
    hollow = marks.transform_filter("datum.side == 'report'").mark_point(
        size=150, strokeWidth=2.5, opacity=1, filled=False, fill=ground
    )
    filled = marks.transform_filter("datum.side == 'ours'").mark_point(size=190, opacity=1, filled=True)
    target = base.encode(y=y).mark_point(size=500, opacity=0, filled=True, cursor="pointer", aria=False)
    here = base.encode(y=y).transform_filter(alt.datum.row == chosen)
    ring = here.mark_point(shape="circle", size=520, strokeWidth=2.5, color=theme.ink(), filled=False)
    layers = [*_fronts(base, y), intervals, hollow, filled, ring, *_words(base.encode(y=y)), target.add_params(pick)]
    chart = alt.layer(*layers).properties(height=HEIGHT)
    st.altair_chart(
        theme.readable(chart), width="stretch", key=KEY, alt=words,
        on_select=linked.taken_from_chart(KEY, keys), selection_mode=[linked.POINT],
    )  # fmt: skip


def _domains(frame: pd.DataFrame) -> tuple[list[float], list[float]]:
    low, high = float(frame["low"].min()), float(frame["high"].max())
    room = 0.06 * (high - low)
    return [float(frame["trainable"].min()) / 2, float(frame["trainable"].max()) * 2], [low - room, high + room]


def _fronts(base: alt.Chart, y: alt.Y) -> list[alt.Chart]:
    """A step line through the points that no cheaper one of their side beats; the report's is dashed."""
    on_front = base.transform_filter(alt.datum.front).encode(y=y)
    style = {"interpolate": "step-after", "strokeWidth": 1.5, "color": theme.frozen()}
    return [
        on_front.transform_filter(alt.datum.side == side).mark_line(strokeDash=dash, **style)
        for side, dash in (("ours", [1, 0]), ("report", [5, 4]))
    ]


# ---------------------------------------------------------------------------------------------------------------------
# Names


def _words(base: alt.Chart) -> list[alt.Chart]:
    """A name with its halo beside each mark; in a narrow chart the number that the mark has in the table."""
    style = {
        "text": alt.ExprRef(f"width > {NARROW} ? datum.name : datum.number"),
        "align": alt.ExprRef("datum.align"), "dx": alt.ExprRef("datum.dx"),
        "dy": alt.ExprRef("datum.dy"), "fontSize": 13,
    }  # fmt: skip
    ground = "#12161C" if theme.is_dark() else "#FFFFFF"
    halo = base.mark_text(stroke=ground, strokeWidth=4, strokeJoin="round", aria=False, **style)
    return [halo, base.mark_text(color=theme.ink(), **style)]


@dataclass(frozen=True)
class Box:
    """A rectangle of the chart, in pixels."""

    left: float
    right: float
    top: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.bottom <= other.top or other.bottom <= self.top)


# Beside, above and below its mark, nearest first: (align, dx, dy)
PLACES = [("left", 12, 0), ("right", -12, 0), ("center", 0, -18), ("center", 0, 18)]
PLACES += [(align, dx, dy) for dy in (-14, 14, -28, 28) for align, dx in (("left", 8), ("right", -8))]


def _placed(frame: pd.DataFrame, x_domain: list[float], y_domain: list[float]) -> dict[str, list]:
    """Columns name, align, dx, dy: every name where it meets no mark, no interval and no name; else none at all.

    Points of one side with the same setting and the same price have one name, at the highest of them.
    """
    x = WIDTH * np.log(frame["trainable"] / x_domain[0]) / np.log(x_domain[1] / x_domain[0])

    def height(column: str) -> pd.Series:
        return HEIGHT * (y_domain[1] - frame[column]) / (y_domain[1] - y_domain[0])

    y, tops, bottoms = height("accuracy"), height("high"), height("low")
    taken = [Box(cx - 9, cx + 9, cy - 9, cy + 9) for cx, cy in zip(x, y, strict=True)]
    taken += [Box(cx - 2, cx + 2, top, bottom) for cx, top, bottom in zip(x, tops, bottoms, strict=True)]
    highest = frame.groupby(["side", "short", "trainable"])["accuracy"].transform("max") == frame["accuracy"]
    named: dict[int, tuple] = {}
    for index in frame.index[highest]:
        wide = LETTER * len(frame.loc[index, "short"])
        spot = _first_free(wide, x[index], y[index], taken)
        if spot:
            named[index] = spot
            taken.append(_box(wide, x[index], y[index], *spot))
    return {
        "name": [frame.loc[index, "short"] if index in named else "" for index in frame.index],
        **{
            field: [named.get(index, PLACES[0])[position] for index in frame.index]
            for position, field in enumerate(("align", "dx", "dy"))
        },
    }


def _first_free(wide: float, x: float, y: float, taken: list[Box]) -> tuple[str, int, int] | None:
    for place in PLACES:
        box = _box(wide, x, y, *place)
        inside = box.left >= 0 and box.right <= WIDTH and box.top >= 0 and box.bottom <= HEIGHT
        if inside and not any(box.meets(other) for other in taken):
            return place
    return None


def _box(wide: float, x: float, y: float, align: str, dx: int, dy: int) -> Box:
    left = {"left": x + dx, "right": x + dx - wide, "center": x + dx - wide / 2}[align]
    return Box(left, left + wide, y + dy - LINE / 2, y + dy + LINE / 2)
