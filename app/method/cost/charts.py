"""Charts of measured costs: the memory of a training step in its parts, its time, and curves along one number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import figure, theme
from app.kit.formats import duration, megabytes
from app.method.cost.words import with_range
from app.method.quiz.questions.measured import PARTS
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_label
from peft_core.report.costs.measured import TrainingCost

BAR, ROW, AXIS = 30, 70, 36  # pixels: a bar, its row with the name above it, the axis of the rows
CURVE, LEGEND = 270, 90  # a chart of curves, and what a legend takes of it
STACK = {part: field for part, field in PARTS.items() if part != "peak"}
OPACITY = dict(zip(STACK, (0.42, 0.31, 0.2, 0.1), strict=True))  # words on them: 4.5 to 1 in every method's colour


@dataclass(frozen=True)
class Bar:
    """One method's memory: bytes by part, in the order of the table."""

    method: MethodConfig
    parts: Mapping[str, float]

    @property
    def total(self) -> float:
        return sum(self.parts.values())


@dataclass(frozen=True)
class Curve:
    """One method along one number: `points` are (number, median, lowest, highest), in ascending order."""

    who: str
    method: str
    points: tuple[tuple[float, float, float, float], ...]


# ---------------------------------------------------------------------------------------------------------------------
# One step


def memory(rows: Sequence[TrainingCost]) -> None:
    """A measured step: a stacked bar a row of `rows`, as high as its peak."""
    bars = [Bar(row.method, {part: getattr(row, field) for part, field in STACK.items()}) for row in rows]
    _stacked(bars, "cost_memory", "memory_alt")


def sums(bars: Sequence[Bar]) -> None:
    """What is worked out from the counts: the same parts, without activations."""
    _stacked(bars, "cost_sum", "sum_alt")


@figure.kept
def _stacked(rows: Sequence[Bar], key: str, alt_text: str) -> None:
    """A stacked bar a row of `rows`, each part with its number in the table and, where it fits, its name."""
    parts, spoken = [], []
    for row in rows:
        start, who, words = 0.0, method_label(row.method), []
        for number, (part, size) in enumerate(row.parts.items(), 1):
            name = label("quiz", part)
            parts.append(
                {
                    "who": who, "is": row.method.method, "part": part, "start": start / 1e6,
                    "end": (start + size) / 1e6, "name": f"{number} {name}", "number": str(number),
                }
            )  # fmt: skip
            words.append(f"{name} {megabytes(size)}")
            start += size
        spoken.append(label("cost", "memory_row", who=who, peak=megabytes(row.total), parts=", ".join(words)))
    frame = pd.DataFrame(parts)
    x = alt.X("start:Q", title=None, scale=alt.Scale(domainMin=0, nice=True), axis=alt.Axis(tickCount=5, grid=False))
    base = alt.Chart(frame).encode(
        x=x, x2=alt.X2("end:Q"), y=_row(rows), color=_colour(rows), tooltip=alt.TooltipValue(None)
    )
    bars = base.mark_bar(size=BAR, stroke=theme.frozen(), strokeWidth=1).encode(
        opacity=alt.Opacity("part:N", scale=alt.Scale(domain=list(STACK), range=list(OPACITY.values())), legend=None)
    )
    wide = "(scale('x', datum.end) - scale('x', datum.start))"
    fits = f"{wide} > 14 + 7.2 * length(datum.name) ? datum.name : {wide} > 13 ? datum.number : ''"
    inside = (
        alt.Chart(frame)
        .transform_calculate(middle="(datum.start + datum.end) / 2")
        .mark_text(text=alt.ExprRef(fits), fontSize=14, fontWeight="bold", color=theme.ink())
        .encode(x=alt.X("middle:Q"), y=_row(rows))
    )
    names = _names(rows, [megabytes(row.total) for row in rows])
    _show(bars + inside + names, AXIS + ROW * len(rows), key, label("cost", alt_text, rows="; ".join(spoken)))


@figure.kept
def time(rows: Sequence[TrainingCost]) -> None:
    """A marker a row at the median, a line over the range of the rounds."""
    frame = pd.DataFrame(
        [
            {
                "who": method_label(row.method), "is": row.method.method, "middle": row.step,
                "low": min(row.step_seconds), "high": max(row.step_seconds),
            }
            for row in rows
        ]
    )  # fmt: skip
    scale, axis = alt.Scale(domainMin=0, nice=True), alt.Axis(tickCount=5, grid=False)
    base = alt.Chart(frame).encode(y=_row(rows), color=_colour(rows), tooltip=alt.TooltipValue(None))
    spread = base.mark_rule(strokeWidth=3).encode(
        x=alt.X("low:Q", title=None, scale=scale, axis=axis), x2=alt.X2("high:Q")
    )
    points = base.mark_point(filled=True, size=200, opacity=1).encode(x=alt.X("middle:Q"), shape=_shape(rows))
    spoken = [label("cost", "bar", who=method_label(row.method), value=with_range(row.step_seconds)) for row in rows]
    chart = spread + points + _names(rows, [duration(row.step) for row in rows])
    _show(chart, AXIS + ROW * len(rows), "cost_time", label("cost", "time_alt", rows="; ".join(spoken)))


def _row(rows: Sequence[TrainingCost | Bar]) -> alt.Y:
    return alt.Y("who:N", sort=[method_label(row.method) for row in rows], axis=None)


def _colour(rows: Sequence[TrainingCost | Bar]) -> alt.Color:
    names = [row.method.method for row in rows]
    return alt.Color(
        "is:N", scale=alt.Scale(domain=names, range=[theme.METHOD[name].colour for name in names]), legend=None
    )


def _shape(rows: Sequence[TrainingCost]) -> alt.Shape:
    names = [row.method.method for row in rows]
    return alt.Shape(
        "is:N", scale=alt.Scale(domain=names, range=[theme.METHOD[name].shape for name in names]), legend=None
    )


def _names(rows: Sequence[TrainingCost | Bar], values: Sequence[str]) -> alt.Chart:
    """Whose row it is, and its number, over the row's left end."""
    names = [method_label(row.method) for row in rows]
    lines = [
        {"who": who, "words": label("cost", "bar", who=who, value=value)}
        for who, value in zip(names, values, strict=True)
    ]
    base = alt.Chart(pd.DataFrame(lines)).mark_text(align="left", dy=-26, fontSize=14, color=theme.ink())
    return base.encode(x=alt.XValue(0), y=_row(rows), text=alt.Text("words:N"))


# ---------------------------------------------------------------------------------------------------------------------
# Curves


@dataclass(frozen=True)
class Axis:
    """The number that is turned: its name, its measured values, whether its axis is logarithmic."""

    name: str
    values: tuple[int, ...]
    logarithmic: bool


@figure.kept
def curves(
    key: str, title: str, axis: Axis, found: Sequence[Curve], mark: tuple[int, str] | None,
    level: tuple[float, str] | None = None, logarithmic: bool = False,
) -> None:  # fmt: skip
    """A line a method with a marker at every measured point, and a rule over the range of the rounds.

    Args:
        found: the page's method first; its line is the thick one.
        mark: the point of this setting, and its words; None if it was not measured.
        level: full fine-tuning, where it is one number: a dashed line with its words.
        logarithmic: the vertical axis; otherwise it begins at 0.
    """
    frame = pd.DataFrame(
        [
            {"who": c.who, "is": c.method, "main": c is found[0], "x": x, "y": y, "low": low, "high": high}
            for c in found
            for x, y, low, high in c.points
        ]
    )
    x_name = label("cost", "log", name=axis.name) if axis.logarithmic else axis.name
    x_scale = alt.Scale(type="log", nice=False) if axis.logarithmic else alt.Scale(nice=False, domainMin=0)
    y_scale = alt.Scale(type="log") if logarithmic else alt.Scale(domainMin=0, nice=True)
    x = alt.X("x:Q", title=x_name, scale=x_scale, axis=alt.Axis(values=list(axis.values), format=",d", grid=False))
    ticks = (
        alt.Axis(values=[10.0**power for power in range(-4, 5)], format="~g") if logarithmic else alt.Axis(tickCount=5)
    )
    y = alt.Y("y:Q", title=None, scale=y_scale, axis=ticks)
    names = [c.who for c in found]
    styles = [theme.METHOD[c.method] for c in found]
    legend = alt.Legend(
        orient="bottom", title=None, columns=2, labelLimit=220, labelFontSize=13, symbolSize=120, labelColor=theme.ink()
    )
    told = legend if len(found) > 1 else None  # colours and shapes in one legend: no method by its colour alone
    colour = alt.Color("who:N", scale=alt.Scale(domain=names, range=[s.colour for s in styles]), legend=told)
    shape = alt.Shape("who:N", scale=alt.Scale(domain=names, range=[s.shape for s in styles]), legend=told)
    base = alt.Chart(frame).encode(x=x, color=colour, tooltip=alt.TooltipValue(None))
    thick = alt.condition("datum.main", alt.value(3), alt.value(1.2))
    line = base.mark_line().encode(y=y, strokeWidth=thick)
    spread = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", scale=y_scale), y2=alt.Y2("high:Q"))
    points = base.mark_point(filled=True, opacity=1).encode(
        y=y, shape=shape, size=alt.condition("datum.main", alt.value(140), alt.value(60))
    )
    layers = [line, spread, points, *_level(level, y), *_mark(alt.Chart(frame).encode(x=x, y=y), mark)]
    spoken = [
        label("cost", "chart_row", who=c.who, points=", ".join(f"{x:,}: {y:,.3g}" for x, y, *_ in c.points))
        for c in found
    ]
    if level:
        spoken.append(level[1])
    words = label(
        "cost", "chart_alt", title=title.replace("*", ""), name=axis.name, rows="; ".join(spoken),
        mark=label("cost", "chart_mark", name=axis.name, value=f"{mark[0]:,}") if mark else "",
    )  # fmt: skip
    st.markdown(title)
    _show(alt.layer(*layers), CURVE + (LEGEND if len(found) > 1 else 0), key, words)


def _mark(at: alt.Chart, mark: tuple[int, str] | None) -> list[alt.Chart]:
    """A ring around this setting's point, and its words: beside it, where there is room."""
    if mark is None:
        return []
    here = at.transform_filter(f"datum.main && datum.x == {mark[0]}")
    ring = here.mark_point(shape="circle", size=420, strokeWidth=2.5, color=theme.ink(), filled=False)
    room = f"scale('x', datum.x) + 14 + {7.5 * len(mark[1]):.0f} < width"
    style = {
        "text": mark[1], "fontSize": 14, "fontWeight": "bold", "align": alt.ExprRef(f"{room} ? 'left' : 'right'"),
        "dx": alt.ExprRef(f"{room} ? 8 : -8"), "dy": alt.ExprRef("scale('y', datum.y) + 34 < height ? 24 : -24"),
    }  # fmt: skip
    ground = theme.ground()
    halo = here.mark_text(stroke=ground, strokeWidth=5, strokeJoin="round", aria=False, **style)
    return [ring, halo, here.mark_text(color=theme.ink(), **style)]


def _level(level: tuple[float, str] | None, y: alt.Y) -> list[alt.Chart]:
    """Full fine-tuning as a dashed line with its name over its left end."""
    if level is None:
        return []
    at = alt.Chart(pd.DataFrame({"y": [level[0]], "words": [level[1]]})).encode(y=y)
    rule = at.mark_rule(color=theme.METHOD["full"].colour, strokeDash=[6, 4], strokeWidth=2)
    name = at.mark_text(align="left", dx=6, dy=-11, fontSize=14, color=theme.ink())
    return [rule, name.encode(x=alt.XValue(0), text=alt.Text("words:N"))]


def _show(chart: alt.LayerChart, height: int, key: str, words: str) -> None:
    st.altair_chart(theme.readable(chart.properties(height=height)), width="stretch", key=key, alt=words)
