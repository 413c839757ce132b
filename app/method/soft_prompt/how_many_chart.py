"""The chart of accuracy against prompt length: intervals, n · d under each length, two lines to compare with."""

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import theme
from app.kit.formats import with_interval
from peft_core.report.reproduction import RunResult
from peft_core.statistics.intervals import Accuracy

PAGE = "method/soft_prompt"
HEIGHT = 300


def draw(runs: Sequence[RunResult], full: RunResult, untrained: Accuracy | None, n: int) -> None:
    """A mark a run; the page's own length has a ring, if it was run."""
    rows = pd.DataFrame([_row(run, n) for run in runs])
    named = [(label(PAGE, "length_full"), full.record.test)]
    if untrained:
        named.append((label(PAGE, "length_base", base=full.config.base), untrained))
    lines = pd.DataFrame(
        [
            {"accuracy": a.accuracy, "words": label(PAGE, "length_line", name=name, accuracy=f"{a.accuracy:.1%}")}
            for name, a in named
        ]
    )
    counts = {int(row.n): f"{row.numbers:,}" for row in rows.itertuples()}
    written = " : ".join(f"datum.value == {at} ? ['{at}', '{numbers}']" for at, numbers in counts.items())
    x = alt.X(
        "n:Q",
        title=label(PAGE, "length_x"),
        scale=alt.Scale(type="log", nice=False, padding=28),
        axis=alt.Axis(values=list(counts), labelExpr=f"{written} : ''", grid=False),
    )
    y = alt.Y(
        "accuracy:Q", title=label(PAGE, "length_y"), scale=alt.Scale(zero=False),
        axis=alt.Axis(format="%", tickCount=6),
    )  # fmt: skip
    style = theme.METHOD["soft_prompt"]
    base = alt.Chart(rows).encode(x=x, tooltip=_tips())
    bars = base.mark_rule(strokeWidth=2, color=style.colour).encode(y=alt.Y("low:Q", title=None), y2=alt.Y2("high:Q"))
    line = base.mark_line(strokeWidth=2.5, color=style.colour).encode(y=y)
    marks = base.mark_point(filled=True, size=150, opacity=1, shape=style.shape, color=style.colour).encode(y=y)
    ring = base.transform_filter("datum.here").mark_point(
        shape="circle", size=460, strokeWidth=2.5, color=theme.ink(), filled=False, opacity=1
    )
    others = alt.Chart(lines).encode(y=alt.Y("accuracy:Q"))
    rule = others.mark_rule(color=theme.frozen(), strokeDash=[6, 4], strokeWidth=2)
    names = others.mark_text(align="left", dx=6, dy=-10, fontSize=14, color=theme.ink())
    chart = bars + line + marks + ring.encode(y=y) + rule + names.encode(x=alt.XValue(0), text=alt.Text("words:N"))
    spoken = "; ".join(f"n = {row.n}, {row.numbers:,}: {row.written}" for row in rows.itertuples())
    st.altair_chart(
        theme.readable(chart.properties(height=HEIGHT)), width="stretch", key="prompt_length",
        alt=label(PAGE, "length_alt", rows=spoken, others="; ".join(lines["words"])),
    )  # fmt: skip


def _row(run: RunResult, n: int) -> dict[str, object]:
    test, length = run.record.test, run.config.method.num_virtual_tokens
    return {
        "n": length, "numbers": run.record.trainable_parameters, "accuracy": test.accuracy, "low": test.low,
        "high": test.high, "written": with_interval(test), "here": length == n,
    }  # fmt: skip


def _tips() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("n:Q", title="n"),
        alt.Tooltip("numbers:Q", title=label("compare", "column_trainable"), format=","),
        alt.Tooltip("written:N", title=label(PAGE, "length_y")),
    ]
