"""Where does "positive" begin? What a threshold other than 0.5 does on the test reviews."""

from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from app.content import label, text
from app.kit import theme, url
from app.kit.asking.classes import Classes
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.statistics.calibration import confusion, threshold_curve

LOW, HIGH, STEP = 0.05, 0.95, 0.05


@dataclass(frozen=True)
class Tested:
    """A checkpoint with p("positive") and the true label of every test review, both of shape (n,)."""

    info: CheckpointInfo
    title: str
    positive: np.ndarray
    labels: np.ndarray

    @property
    def style(self) -> theme.Style:
        return theme.METHOD[self.info.method]


def draw(tested: list[Tested], classes: Classes) -> None:
    """The slider, what it changes for each checkpoint, and the curve it moves on."""
    st.markdown(text("many", "threshold", **classes.written))
    url.clamp("threshold", label("calibration", "threshold"), LOW, HIGH, whole=False)
    left, right = st.columns([2, 3], vertical_alignment="center")
    threshold = left.slider(
        label("calibration", "threshold"), LOW, HIGH, 0.5, STEP, key="threshold", bind="query-params", format="%.2f"
    )
    right.markdown(text("many", "threshold_choice", **classes.written))
    rows = []
    for t in tested:
        c = confusion(t.positive, t.labels, threshold)
        row = {
            "checkpoint": t.title,
            "accuracy_there": f"{c.accuracy:.1%}",
            "precision": _percent(c.precision),
            "recall": _percent(c.recall),
            "called": label("calibration", "of", n=f"{c.called_positive:,}", total=f"{c.n:,}"),
        }
        rows.append({label("calibration", f"column_{name}", **classes.plain): value for name, value in row.items()})
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", key="calibration_threshold")
    st.altair_chart(
        theme.readable(_trade_off(tested, threshold)),
        width="stretch",
        key="calibration_trade_off",
        alt=label("calibration", "trade_off_alt", threshold=f"{threshold:.2f}", rows=_marked_in_words(rows)),
    )
    st.caption(label("calibration", "trade_off_reading", **classes.written))


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _marked_in_words(rows: list[dict[str, str]]) -> str:
    return "; ".join(", ".join(f"{name} {value}" for name, value in row.items()) for row in rows)


def _trade_off(tested: list[Tested], threshold: float) -> alt.LayerChart:
    """Precision against recall, a line a checkpoint over all thresholds of the slider, a mark at the chosen one."""
    steps = np.linspace(LOW, HIGH, round((HIGH - LOW) / 0.01) + 1)
    lines, marks = [], []
    for t in tested:
        for kind, thresholds in ((lines, steps), (marks, [threshold])):
            kind += [
                {"checkpoint": t.title, "order": c.threshold, "precision": c.precision, "recall": c.recall}
                for c in threshold_curve(t.positive, t.labels, thresholds)
                if c.precision is not None
            ]
    names = [t.title for t in tested]
    colour = alt.Color(
        "checkpoint:N", scale=alt.Scale(domain=names, range=[t.style.colour for t in tested]), legend=None
    )
    dashes = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3]]  # two runs of one method have one colour
    dash = alt.StrokeDash(
        "checkpoint:N",
        scale=alt.Scale(domain=names, range=[dashes[i % 4] for i in range(len(names))]),
        legend=None,
    )
    shape = alt.Shape(
        "checkpoint:N",
        scale=alt.Scale(domain=names, range=[t.style.shape for t in tested]),
        legend=alt.Legend(orient="bottom", title=None, columns=2, labelLimit=300, labelFontSize=14, symbolSize=150),
    )
    scale, axis = alt.Scale(zero=False, nice=True), alt.Axis(format="%", tickCount=6)
    x = alt.X("recall:Q", title=label("calibration", "column_recall"), scale=scale, axis=axis)
    y = alt.Y("precision:Q", title=label("calibration", "column_precision"), scale=scale, axis=axis)
    line = alt.Chart(pd.DataFrame(lines)).mark_line(strokeWidth=2).encode(
        x=x, y=y, color=colour, strokeDash=dash, order=alt.Order("order:Q")
    )  # fmt: skip
    mark = alt.Chart(pd.DataFrame(marks)).mark_point(filled=True, size=220, opacity=1, stroke=theme.ink()).encode(
        x=x, y=y, color=colour, shape=shape, tooltip=[alt.Tooltip("checkpoint:N"), *_tips()]
    )  # fmt: skip
    return (line + mark).properties(height=320)


def _tips() -> list[alt.Tooltip]:
    fields = ("precision", "recall")
    return [alt.Tooltip(f"{name}:Q", format=".1%", title=label("calibration", f"column_{name}")) for name in fields]
