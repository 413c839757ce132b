"""The report's layers beside ours: which matrices LoRA stands at, and how far from 0 its layers start."""

from collections.abc import Sequence
from decimal import Decimal

import altair as alt
import pandas as pd
import streamlit as st

from app.compare import shared
from app.content import label, text
from app.kit import figure, theme
from app.kit.pages import script_of
from peft_core.report.reread.starts import Start, starts
from peft_core.report.reread.targets import Choice, choices, quoted_row

MOVED = {"lora_a": ("lora", "lora_question"), "adapter_up": ("adapter", "choice")}  # the page that goes on, and where


def draw_targets() -> None:
    """The same count for other matrices, and what the paper found of them."""
    every = {"".join(choice.targets): choice for choice in choices()}
    chosen = every[shared.choose("targets", label("report", "targets_title"), tuple(every), "targets", "report")]
    left, right = st.columns([2, 3], gap="large", vertical_alignment="center")
    trains = label("report", "trains_with", targets=", ".join(chosen.targets), r=chosen.r)
    left.metric(trains, f"{chosen.trainable:,}")
    left.caption(label("report", "printed_count", n=f"{quoted_row().trainable_parameters:,}"))
    right.markdown(_table(list(every.values()), chosen))
    wikisql = {name: Decimal(choice.wikisql) for name, choice in every.items()}
    st.markdown(text("report", "targets_sentence", ahead=wikisql["qv"] - wikisql["qk"]))
    st.caption(text("report", "targets_reading"))
    st.page_link(
        script_of("lora"), label=label("report", "to_lora"), icon=":material/arrow_forward:",
        query_params={"section": "choices", "lora_question": "targets"},
    )  # fmt: skip


def _table(every: Sequence[Choice], chosen: Choice) -> str:
    """A line a choice; the chosen one is bold."""
    heads = [label("report", f"targets_{name}") for name in ("matrices", "count", "wikisql", "multinli")]
    lines = ["| " + " | ".join(heads) + " |", "|:--|--:|--:|--:|"]
    for one in every:
        named = label("report", "targets_row", targets=",\N{NO-BREAK SPACE}".join(one.targets), r=one.r)
        cells = [named, f"{one.trainable:,}", f"{one.wikisql}%", f"{one.multinli}%"]
        lines.append("| " + " | ".join(f"**{cell}**" if one == chosen else cell for cell in cells) + " |")
    return "\n".join(lines)


def draw_starts() -> None:
    """How wide a matrix starts in the report's code and in ours."""
    every = {start.name: start for start in starts()}
    start = every[shared.choose("start", label("report", "start"), tuple(every), "start", "report")]
    number, chart = st.columns([2, 3], gap="large", vertical_alignment="center")
    number.metric(label("report", "start_report"), f"± {start.report:.3f}")
    number.metric(label("report", "start_ours"), f"± {start.ours:.3f}" if start.ours else "0")
    with chart:
        _ranges(start)
    ratio = f"{start.report / start.ours:.2f}" if start.ours else ""
    st.markdown(text("report", f"start_{start.name}", ratio=ratio, report=f"{start.report:.3f}"))
    page, question = MOVED[start.name]
    st.page_link(
        script_of(page), label=label("report", f"to_{page}_start"), icon=":material/arrow_forward:",
        query_params={"section": "choices", question: "start"},
    )  # fmt: skip


@figure.kept
def _ranges(start: Start) -> None:
    """Where the first values lie: a bar from −bound to bound each; a tick where all are 0."""
    bounds = {"report": start.report, "ours": start.ours}
    frame = pd.DataFrame([{"who": label("report", who), "low": -bound, "high": bound} for who, bound in bounds.items()])
    colour = theme.METHOD[MOVED[start.name][0]].colour
    rows, columns = start.shape
    y = alt.Y("who:N", sort=None, title=None, axis=alt.Axis(labelFontSize=14, labelLimit=160))
    axis = alt.Axis(format=".2~f", tickCount=5, grid=False)
    x = alt.X("low:Q", title=label("report", "axis_start", rows=rows, columns=columns), axis=axis)
    base = alt.Chart(frame).encode(y=y, tooltip=alt.TooltipValue(None))
    bars = base.mark_bar(color=colour, opacity=0.75, height=34).encode(x=x, x2=alt.X2("high:Q"))
    zeros = base.transform_filter("datum.low == 0").mark_tick(color=colour, thickness=5, size=34).encode(x=x)
    spoken = "; ".join(f"{row.who}: {row.low:.3f} … {row.high:.3f}" for row in frame.itertuples())
    words = label("report", "start_alt", name=label("report", f"start_{start.name}"), rows=spoken)
    chart = theme.readable((bars + zeros).properties(height=150))
    st.altair_chart(chart, width="stretch", key="report_start", alt=words)
