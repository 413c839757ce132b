"""What an edit does to the verdicts: one row a checkpoint, before → after, verdicts that flip first."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import figure, theme
from app.kit.asking.classes import Classes
from peft_core.reviews.spreadsheet import safe_cell

ROOM = 0.15  # of the axis: half of the words above a line, on a phone


@dataclass(frozen=True)
class Change:
    """Probability of "positive" before and after, of one checkpoint or with one word left out."""

    title: str
    before: float
    after: float

    @property
    def points(self) -> float:
        return 100 * (self.after - self.before)

    @property
    def flips(self) -> bool:
        return (self.before > 0.5) != (self.after > 0.5)

    @property
    def label(self) -> str:
        return "positive" if self.after > 0.5 else "negative"


def show(changes: Sequence[Change], key: str, classes: Classes) -> None:
    """How many flip, then the chart, then every number."""
    ordered = ranked(changes)
    flips = sum(change.flips for change in ordered)
    st.markdown(f"**{label('what_if', 'flips_none' if not flips else 'flips_some', n=flips, of=len(ordered))}**")
    _chart(ordered, f"{key}_chart", classes)
    table(ordered, label("what_if", "checkpoint"), f"{key}_table", classes)


def ranked(changes: Sequence[Change]) -> list[Change]:
    """Verdicts that flip first, then the largest change."""
    return sorted(changes, key=lambda change: (not change.flips, -abs(change.points)))


def table(changes: Sequence[Change], title: str, key: str, classes: Classes) -> None:
    """The same numbers to be read off; `title` heads the first column."""
    rows = [
        {
            title: safe_cell(change.title),
            label("what_if", "verdict"): safe_cell(_verdict(change, classes)),
            label("what_if", "before"): f"{change.before:.1%}",
            label("what_if", "after"): f"{change.after:.1%}",
            label("what_if", "change"): label("what_if", "points", n=_signed(change.points)),
        }
        for change in changes
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", key=key)


@figure.kept
def _chart(changes: Sequence[Change], key: str, classes: Classes) -> None:
    frame = pd.DataFrame(
        [
            {
                "checkpoint": change.title,
                "before": change.before,
                "after": change.after,
                "label": change.label,
                "words": label("what_if", "arrow", before=f"{change.before:.0%}", after=f"{change.after:.0%}"),
                "middle": min(max((change.before + change.after) / 2, ROOM), 1 - ROOM),
            }
            for change in changes
        ]
    )
    names = frame["checkpoint"].tolist()
    kinds, styles = ["positive", "negative"], [theme.POSITIVE, theme.NEGATIVE]
    scale = alt.Scale(domain=[0, 1])
    title = classes.p
    x = alt.X("after:Q", title=title, scale=scale, axis=alt.Axis(format="%", tickCount=5))
    base = alt.Chart(frame).encode(y=alt.Y("checkpoint:N", sort=names, title=None, axis=alt.Axis(labelLimit=200)))
    way = base.mark_rule(color=theme.frozen(), strokeWidth=3).encode(x=x, x2=alt.X2("before:Q"))
    before = base.mark_point(filled=False, size=130, strokeWidth=2, opacity=1, color=theme.frozen()).encode(
        x=alt.X("before:Q", title=title)
    )
    after = base.mark_point(filled=True, size=200, opacity=1).encode(
        x=x,
        color=alt.Color("label:N", scale=alt.Scale(domain=kinds, range=[s.colour for s in styles]), legend=None),
        shape=alt.Shape("label:N", scale=alt.Scale(domain=kinds, range=[s.shape for s in styles]), legend=None),
    )
    text = base.mark_text(dy=-17, fontSize=14, color=theme.ink()).encode(
        x=alt.X("middle:Q", title=title), text=alt.Text("words:N")
    )
    half = alt.Chart(pd.DataFrame({"half": [0.5]})).mark_rule(color=theme.frozen(), strokeDash=[4, 4])
    chart = half.encode(x=alt.X("half:Q", title=title)) + way + before + after + text
    listed = "; ".join(f"{change.title} {change.before:.1%} → {change.after:.1%}" for change in changes)
    st.altair_chart(
        theme.readable(chart.properties(height=60 + 52 * len(changes))),
        width="stretch",
        key=key,
        alt=label("what_if", "chart_alt", rows=listed, **classes.plain),
    )
    st.caption(label("what_if", "legend", **classes.written))


def _verdict(change: Change, classes: Classes) -> str:
    said = classes.verdict(change.after > 0.5)
    return label("what_if", "flipped" if change.flips else "stayed", verdict=said)


def _signed(points: float) -> str:
    return f"{points:+.1f}".replace("-", "−")
