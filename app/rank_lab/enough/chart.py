"""Test accuracy against the rank that ΔW was cut to: a line a checkpoint, with intervals."""

from collections.abc import Sequence
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import theme
from app.kit.plain import escaped
from app.rank_lab.enough.measured import Shown
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.statistics.intervals import Accuracy

HEIGHT = 380
NARROW = 500  # pixels: there the legend below the chart alone says what the diamond is
APART = 0.09  # between the marks of two checkpoints at the same rank, in steps of the axis
NO_BREAK = "\u00a0"
DASHES = {  # two runs of one method have one colour; how a legend writes each line
    "———": [1, 0], "– – –": [7, 3], "· · ·": [2, 2], "— · —": [8, 3, 2, 3], "–  –  –": [4, 6], "·   ·   ·": [1, 4]
}  # fmt: skip


def draw(shown: Sequence[Shown], rank_one: Sequence[CheckpointInfo]) -> None:
    """The curves; LoRA trained with r = 1 as a mark of its own, and the base model as a line to compare with.

    Args:
        rank_one: checkpoints that were trained with r = 1.
    """
    rows = _rows(shown)
    ones = pd.DataFrame([_one(info) for info in rank_one])
    untrained = pd.DataFrame(_untrained(shown))
    chart = _lines(shown, rows) + _base(untrained)
    if len(ones):
        chart += _marks(ones)
    named = [*untrained.to_dict("records"), *ones.to_dict("records")]
    others = "; ".join(f"{one['title']}: {one['written']}" for one in named)
    words = label("rank_lab", "enough_alt", rows="; ".join(map(_in_words, shown)), others=others)
    st.altair_chart(theme.readable(chart.properties(height=HEIGHT)), width="stretch", key="enough_chart", alt=words)


def legend(shown: Sequence[Shown]) -> str:
    """Which line is whose, in the order of `shown`: words wrap on a phone, Vega's legend is cut off."""
    lines = [line.replace(" ", NO_BREAK) + NO_BREAK for line in DASHES]
    return " \u2003 ".join(f"{lines[i % len(lines)]}{escaped(one.title)}" for i, one in enumerate(shown))


def _measured(accuracy: Accuracy) -> dict[str, object]:
    return {
        "accuracy": accuracy.accuracy,
        "low": accuracy.low,
        "high": accuracy.high,
        "n": accuracy.n,
        "written": written(accuracy),
    }


def written(accuracy: Accuracy) -> str:
    """A share with its interval, as in "84.5% (83.1% to 85.7%)"."""
    return f"{accuracy.accuracy:.1%} ({accuracy.low:.1%} to {accuracy.high:.1%})"


def place(k: int) -> float:
    """Where rank k stands on the axis: 0, 1, 2, 4, 8 are about equally far apart, as log₂(1 + k) has it."""
    return float(np.log2(1 + k))


def _rows(shown: Sequence[Shown]) -> pd.DataFrame:
    rows = []
    for number, one in enumerate(shown):
        aside = APART * (number - (len(shown) - 1) / 2)
        for point in one.truncation.points:
            at = {"k": point.rank, "at": place(point.rank) + aside, "energy": point.energy, "title": one.title}
            rows.append(_measured(point.accuracy) | at)
    return pd.DataFrame(rows)


def _one(info: CheckpointInfo) -> dict[str, object]:
    title = label("rank_lab", "trained_at_one", seed=info.record.config.train.seed)
    return _measured(info.record.test) | {"k": 1, "at": place(1), "title": title}


def _untrained(shown: Sequence[Shown]) -> list[dict[str, object]]:
    """Each base model once, from the test with the most reviews."""
    tests = {one.info.base: one.truncation for one in sorted(shown, key=lambda one: one.truncation.n)}
    return [
        _measured(test.base.accuracy) | {"k": 0, "title": label("playground", "untrained", base=Path(base).name)}
        for base, test in tests.items()
    ]


def _axes(rows: pd.DataFrame) -> tuple[alt.X, alt.Y]:
    ticks = sorted({0, *rows["k"]})
    x = alt.X(
        "at:Q",
        title=label("rank_lab", "enough_x"),
        scale=alt.Scale(domain=[-0.3, place(ticks[-1]) + 0.4], nice=False),
        axis=alt.Axis(values=[place(k) for k in ticks], labelExpr="format(pow(2, datum.value) - 1, '.0f')", grid=False),
    )
    y = alt.Y(
        "accuracy:Q", title=label("rank_lab", "enough_y"), scale=alt.Scale(zero=False),
        axis=alt.Axis(format="%", tickCount=6),
    )  # fmt: skip
    return x, y


def _tips() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("title:N", title=label("rank_lab", "checkpoint")),
        alt.Tooltip("k:Q", title=label("rank_lab", "enough_x")),
        alt.Tooltip("written:N", title=label("rank_lab", "enough_y")),
        alt.Tooltip("n:Q", title=label("rank_lab", "column_n"), format=","),
    ]


def _lines(shown: Sequence[Shown], rows: pd.DataFrame) -> alt.LayerChart:
    names, styles = [one.title for one in shown], [theme.METHOD[one.info.method] for one in shown]
    x, y = _axes(rows)

    def scaled(values: list) -> dict:
        return {"scale": alt.Scale(domain=names, range=values), "legend": None}  # `legend` says it in words

    colour = alt.Color("title:N", **scaled([style.colour for style in styles]))
    dash = alt.StrokeDash("title:N", **scaled([list(DASHES.values())[i % len(DASHES)] for i in range(len(names))]))
    shape = alt.Shape("title:N", **scaled([style.shape for style in styles]))
    base = alt.Chart(rows).encode(x=x, color=colour)
    bars = base.mark_rule(strokeWidth=2, opacity=0.75).encode(y=alt.Y("low:Q", title=None), y2=alt.Y2("high:Q"))
    line = base.mark_line(strokeWidth=2.5).encode(y=y, strokeDash=dash)
    marks = base.mark_point(filled=True, size=130, opacity=1).encode(y=y, shape=shape, tooltip=_tips())
    return bars + line + marks


def _base(rows: pd.DataFrame) -> alt.LayerChart:
    """The base model, untrained: a line through its accuracy, and what it is, at the right end."""
    base = alt.Chart(rows).encode(y=alt.Y("accuracy:Q"), tooltip=_tips())
    rule = base.mark_rule(color=theme.frozen(), strokeDash=[6, 4], strokeWidth=2)
    return rule + _words(base.encode(x=alt.XValue("width")), align="right", dx=-6, dy=12)


def _marks(rows: pd.DataFrame) -> alt.LayerChart:
    """LoRA trained with r = 1: hollow, with its interval, and named."""
    style = theme.METHOD["lora"]
    base = alt.Chart(rows).encode(x=alt.X("at:Q"), tooltip=_tips())
    bars = base.mark_rule(color=theme.ink(), strokeWidth=1.5).encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    marks = base.mark_point(shape="diamond", size=260, strokeWidth=3, filled=False, color=style.colour, opacity=1)
    return bars + marks.encode(y=alt.Y("accuracy:Q")) + _words(base.encode(y=alt.Y("high:Q")), NARROW, dy=-18)


def _words(base: alt.Chart, narrowest: int = 0, **style: object) -> alt.LayerChart:
    """`title`, with a halo: it may stand on a line. Left out in a chart narrower than `narrowest` pixels."""
    style |= {"fontSize": 14, "text": alt.ExprRef(f"width >= {narrowest} ? datum.title : ''")}
    halo = base.mark_text(stroke=theme.ground(), strokeWidth=5, strokeJoin="round", aria=False, **style)
    return halo + base.mark_text(color=theme.ink(), **style)


def _in_words(one: Shown) -> str:
    points = ", ".join(f"k = {point.rank}: {written(point.accuracy)}" for point in one.truncation.points)
    return f"{one.title}: {points}"
