"""The lanes, one below the other over the same axes: steps through what was measured, and a marker at the last of it.

    thin rule         the accuracy to be first at          band     the other seeds, each as last measured
    vertical bars     95% interval of a validation         words    accuracy now; what is trained, memory and time

A narrow chart leaves the last three to the table. Only data moves while the race runs: the form of the chart stays, so
nothing flickers.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import altair as alt
import pandas as pd

from app.content import label
from app.kit import figure, present, theme
from app.kit.formats import NOTHING, megabytes
from peft_core.report.race import Along, Lane, Moment, length

LANE, FEWEST, AXES = 43, 3, 54  # pixels of a lane; as high as so many are two; what stands over and under them
PRESENTED = 34  # pixels of a lane before it is enlarged: eight and their guess fit on a projector's screen
FILL = 0.84  # share of a lane that its accuracies take
WIDE, COLUMNS, ROOM = 620, {"trains": 205, "memory": 110, "time": 0}, 70  # pixels; of columns, from the right edge
SETS = ("lanes", "paths", "bars", "bands", "heads")


def scale(lanes: Sequence[Lane], mark: float) -> tuple[float, float]:
    """The lowest and the highest accuracy that the lanes show: of every validation, with its interval."""
    moments = [m.validation for lane in lanes for racer in lane.racers for m in racer.moments]
    return min([m.low for m in moments] + [mark]), max([m.high for m in moments] + [mark])


def data(lanes: Sequence[Lane], along: Along, position: float, mark: float) -> dict[str, pd.DataFrame]:
    """What is known at this position of the axis, as rows for each layer; `y` counts lanes from the top."""
    low, high = scale(lanes, mark)

    def y(number: int, accuracy: float) -> float:
        return number + 0.08 + FILL * (high - accuracy) / (high - low)

    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SETS}
    for number, lane in enumerate(lanes):
        colour, shape = theme.METHOD[lane.method.method].colour, theme.METHOD[lane.method.method].shape
        look = {"lane": number, "colour": colour, "shape": shape}
        known = [m for m in lane.first.moments if m.at(along) <= position]
        told = {
            "trains": f"{lane.trainable_parameters:,}",
            "memory": megabytes(lane.peak_bytes) if lane.peak_bytes else NOTHING,
            "time": lane_seconds(lane, known),
        }
        edges = {"top": number + 0.06, "bottom": number + 1.0, "mark": y(number, mark)}
        rows["lanes"].append(look | {"name": lane.label} | edges | told)
        for moment in known:
            at, found = moment.at(along), moment.validation
            rows["paths"].append(look | {"x": at, "y": y(number, found.accuracy)})
            rows["bars"].append(look | {"x": at, "y": y(number, found.low), "y2": y(number, found.high)})
        here = min(position, lane.first.end.at(along))
        if known:
            last = y(number, known[-1].validation.accuracy)
            rows["paths"].append(look | {"x": here, "y": last})
            words = f"{known[-1].validation.accuracy:.1%}"
            rows["heads"].append(look | {"x": here, "y": last, "words": words})
        places = sorted({m.at(along) for racer in lane.racers for m in racer.moments if m.at(along) <= here})
        for start, end in pairwise([*places, here]):  # none before the first
            if (band := lane.band(along, start)) and end > start:
                rows["bands"].append(look | {"x": start, "x2": end, "y": y(number, band[0]), "y2": y(number, band[1])})
    columns = {
        "lanes": ["lane", "colour", "shape", "name", "top", "bottom", "mark", *COLUMNS],
        "paths": ["lane", "colour", "shape", "x", "y"],
        "bars": ["lane", "colour", "shape", "x", "y", "y2"],
        "bands": ["lane", "colour", "shape", "x", "x2", "y", "y2"],
        "heads": ["lane", "colour", "shape", "x", "y", "words"],
    }
    return {name: pd.DataFrame(found, columns=columns[name]) for name, found in rows.items()}


def lane_seconds(lane: Lane, known: Sequence[Moment]) -> str:
    """Seconds at the last of these moments, where the run's times are true."""
    seconds = known[-1].seconds if known and lane.first.timed else None
    return NOTHING if seconds is None else f"{seconds:,.0f}\N{NO-BREAK SPACE}s"


def draw(lanes: Sequence[Lane], along: Along, position: float, mark: float) -> None:
    """The chart, and the same in words for a screen reader."""
    spoken = "; ".join(
        f"{lane.label}: {known.validation.accuracy:.1%}" if (known := lane.first.last(along, position)) else lane.label
        for lane in lanes
    )
    words = label("race", "alt", along=label("race", f"along_{along}"), position=f"{position:,.0f}", rows=spoken)
    lane = PRESENTED if present.on() else LANE
    form = _form(len(lanes), lane, along, length(lanes, along), f"{mark:.0%}", theme.is_dark())
    figure.draw(figure.filled(form, data(lanes, along, position, mark), {}), "race_chart", words)


@lru_cache(maxsize=32)
def _form(lanes: int, lane: int, along: Along, end: float, mark: str, dark: bool) -> str:
    """Args: lanes, pixels of one; the axis, where the race ends on it; the accuracy to be first at; the theme."""
    room = COLUMNS["trains"] + 95 + ROOM
    right = alt.ExprRef(f"width > {WIDE} ? width - {room} : width - {ROOM}")
    x_scale, y_scale = (
        alt.Scale(domain=[0, end], nice=False, range=[0, right]),
        alt.Scale(domain=[lanes, 0], nice=False),
    )
    axis = alt.Axis(grid=False, domain=False, tickCount=5, format=",.0f", titlePadding=2)
    x = alt.X("x:Q", title=label("race", f"axis_{along}"), scale=x_scale, axis=axis)
    y = alt.Y("y:Q", scale=y_scale, axis=None)
    colour = {"color": alt.Color("colour:N", scale=None), "tooltip": alt.value(None)}

    def at(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=y_scale, axis=None)

    def words(where: alt.Chart, **style: Any) -> list[alt.Chart]:
        halo = where.mark_text(stroke=theme.ground(), strokeWidth=5, strokeJoin="round", aria=False, **style)
        return [halo, where.mark_text(color=theme.ink(), **style)]

    of_lanes = alt.Chart(alt.NamedData("lanes"))
    edge = of_lanes.mark_rule(color=theme.frozen(), opacity=0.35).encode(y=at("bottom"))
    goal = of_lanes.mark_rule(color=theme.frozen(), strokeDash=[3, 4]).encode(
        x=alt.XValue(0), x2=alt.X2Value(right), y=at("mark")
    )
    head = of_lanes.transform_filter("datum.lane == 0")
    said = head.mark_text(align="right", dx=-14, dy=-9, fontSize=13, color=theme.soft_ink())  # clear of a lane's end
    said = said.encode(x=alt.XValue(right), y=at("mark"), text=alt.TextValue(mark))
    names = words(
        of_lanes.encode(x=alt.XValue(0), y=at("top"), text=alt.Text("name:N")),
        align="left",
        baseline="top",
        dx=6,
        fontSize=14,
    )
    told = []
    for name, edge_distance in COLUMNS.items():
        place = {"x": alt.value(alt.ExprRef(f"width - {edge_distance}"))}
        style = {"align": "right", "fontSize": 14}
        cell = alt.ExprRef(f"width > {WIDE} ? datum.{name} : ''")
        title = alt.ExprRef(f"width > {WIDE} ? '{label('race', f'column_{name}')}' : ''")
        cells = of_lanes.mark_text(text=cell, baseline="top", dy=12, color=theme.ink(), **style)
        told.append(cells.encode(y=at("top"), **place))
        told.append(head.mark_text(text=title, color=theme.soft_ink(), **style).encode(y=alt.YValue(-10), **place))
    bands = (
        alt.Chart(alt.NamedData("bands"))
        .mark_rect(opacity=0.25)
        .encode(x=x, x2=alt.X2("x2:Q"), y=y, y2=alt.Y2("y2:Q"), **colour)
    )
    bars = alt.Chart(alt.NamedData("bars")).mark_rule(strokeWidth=1.5, opacity=0.55)
    paths = alt.Chart(alt.NamedData("paths")).mark_line(strokeWidth=2.5, interpolate="step-after")
    heads = alt.Chart(alt.NamedData("heads")).encode(x=x, y=y)
    marks = heads.mark_point(filled=True, size=150, opacity=1).encode(shape=alt.Shape("shape:N", scale=None), **colour)
    now = words(heads.encode(text=alt.Text("words:N")), align="left", dx=11, fontSize=15, fontWeight="bold")
    layers = [edge, goal, said, bands, bars.encode(x=x, y=y, y2=alt.Y2("y2:Q"), **colour)]
    layers += [paths.encode(x=x, y=y, detail=alt.Detail("lane:N"), **colour), *names, marks, *now, *told]
    whole = alt.layer(*layers).properties(height=lane * max(lanes, FEWEST) + AXES, usermeta={present.AS_HIGH: True})
    return figure.form(theme.readable(whole).configure_view(stroke=None))
