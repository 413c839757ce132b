"""Accuracy against what was turned: a point a run, its interval, and the line of one experiment with its band."""

from collections.abc import Sequence
from math import log2

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from app.classroom.board import told
from app.content import label
from app.kit import theme
from app.kit.drawn.training_curves import around
from peft_core.methods.registry import method_label
from peft_core.report.experiments.class_runs import Along, ClassRun, Fit, Group
from peft_core.statistics.formats import interval_text

HEIGHT, STEP, WIDEST = 285, 9, 60  # pixels: of the chart; between two runs at one place; of all that are at one place
STEPS = 60  # of the line


def draw(groups: Sequence[Group], chosen: Group, found: Fit, along: Along, split: str) -> None:
    """The chart; runs of other experiments are pale, and along a method's own number those of other methods absent."""
    rows = points(groups, chosen, along, split)
    if rows.empty:
        st.info(label("board", "no_points"), icon=":material/hourglass_empty:")
        return
    what = label("board", "axis_trainable") if along == "trainable" else told.number(chosen, along)
    low, high = rows["x"].min(), rows["x"].max()
    room = (high / low) ** 0.05 if high > low else 2
    own = along == "knob"
    log = alt.Scale(type="log", base=2 if own else 10, domain=[low / room, high * room], nice=False)
    ticks = {"values": sorted(set(rows["x"])), "format": "d"} if own else {"format": "~s"}
    x = alt.X("x:Q", title=what, scale=log, axis=alt.Axis(grid=False, labelOverlap=True, **ticks))
    scale = alt.Scale(domain=list(around(rows)), nice=False)
    y = alt.Y("accuracy:Q", title=label("board", f"axis_{split}"), scale=scale, axis=alt.Axis(format=".1~%"))
    layers = [*_line(found, chosen, x, scale), *_points(rows, x, y, scale)]
    listed = "; ".join(rows.loc[rows["chosen"], "words"])
    st.altair_chart(
        theme.readable(alt.layer(*layers).properties(height=HEIGHT)), width="stretch", key="board_chart",
        alt=label("board", "alt", n=len(rows), what=what, rows=listed or "–"),
    )  # fmt: skip


def points(groups: Sequence[Group], chosen: Group, along: Along, split: str) -> pd.DataFrame:
    """Columns x, accuracy, low, high, method, going, chosen, aside and words, a row a run that has been measured.

    Runs at the same place stand side by side: `aside` pixels from it.
    """
    found = []
    for group in groups:
        if along == "knob" and group.setting["method"] != chosen.setting["method"]:
            continue
        for run in group.runs:
            measured = run.measured.get("validation" if run.state == "going" else split)
            value = run.value(along)
            if measured is not None and value is not None:
                found.append(
                    {
                        "x": value, "accuracy": measured.accuracy, "low": measured.low, "high": measured.high,
                        "method": run.config.method.method, "going": run.state == "going", "chosen": group is chosen,
                        "words": _words(run, interval_text(measured)), "id": run.id,
                    }
                )  # fmt: skip
    frame = pd.DataFrame(found)
    if frame.empty:
        return frame
    frame = frame.sort_values(["x", "id"], ignore_index=True)
    places = frame.groupby(frame["x"].map(lambda x: round(4 * log2(x))))
    number, many = places.cumcount(), places["x"].transform("size")
    frame["aside"] = (number - (many - 1) / 2) * (WIDEST / many).clip(upper=STEP)
    return frame.drop(columns="id")


def _words(run: ClassRun, accuracy: str) -> str:
    going = label("board", "still") if run.state == "going" else ""
    values = {"method": method_label(run.config.method), "seed": run.config.train.seed, "accuracy": accuracy}
    return label("board", "point", going=going, **values)


def _points(rows: pd.DataFrame, x: alt.X, y: alt.Y, scale: alt.Scale) -> list[alt.Chart]:
    """Others first, so that those of the chosen experiment lie above them."""
    names = [name for name in theme.METHOD if name in set(rows["method"])]
    styles = [theme.METHOD[name] for name in names]
    titles = {name: label(f"method/{name}", "title") for name in names}
    rows = rows.assign(method=rows["method"].map(titles)).sort_values("chosen", kind="stable")
    legend = alt.Legend(title=None, orient="top", labelFontSize=14, symbolSize=140) if len(names) > 1 else None
    domain = list(titles.values())
    colour = alt.Color("method:N", scale=alt.Scale(domain=domain, range=[s.colour for s in styles]), legend=legend)
    shape = alt.Shape("method:N", scale=alt.Scale(domain=domain, range=[s.shape for s in styles]), legend=legend)
    strength = alt.Opacity("chosen:N", scale=alt.Scale(domain=[True, False], range=[1, 0.45]), legend=None)
    aside = alt.ExprRef("datum.aside")
    base = alt.Chart(rows).encode(x=x, tooltip=alt.Tooltip("words:N", title=label("board", "run")), opacity=strength)
    bars = base.mark_rule(strokeWidth=1.5, xOffset=aside).encode(
        y=alt.Y("low:Q", scale=scale), y2=alt.Y2("high:Q"), color=colour
    )
    marks = base.encode(y=y, color=colour, shape=shape)
    style = {"size": 110, "xOffset": aside}
    ended = marks.transform_filter("!datum.going").mark_point(filled=True, **style)
    going = marks.transform_filter("datum.going").mark_point(
        filled=False, fill=theme.ground(), strokeWidth=2.5, **style
    )
    return [bars, ended, going]


def _line(found: Fit, group: Group, x: alt.X, scale: alt.Scale) -> list[alt.Chart]:
    """The line and its band, as far as the runs reach."""
    if found.trend is None:
        return []
    colour = theme.METHOD[str(group.setting["method"])].colour
    places = np.geomspace(found.values[0], found.values[-1], STEPS)
    rows = pd.DataFrame([(place, *found.trend.at(log2(place))) for place in places], columns=["x", "y", "low", "high"])
    base = alt.Chart(rows).encode(x=x)
    band = base.mark_area(color=colour, opacity=0.18).encode(y=alt.Y("low:Q", scale=scale), y2=alt.Y2("high:Q"))
    line = base.mark_line(color=colour, strokeWidth=2.5, clip=True).encode(y=alt.Y("y:Q", scale=scale))
    return [band, line]
