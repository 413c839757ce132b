"""The test reviews on which two checkpoints disagree. Their texts are in cells of a table only."""

import pandas as pd
import streamlit as st

from app.compare import shared
from app.content import label
from app.kit.asking.classes import named
from app.kit.plain import escaped
from peft_core.analysis.comparison import Comparison

WHOSE = ("all", "first", "second")


def draw(found: Comparison) -> None:
    """Which of them, and the reviews: those on which the two are farthest apart first."""
    classes = named(found.labels, own=found.own)
    counts = {"n": f"{found.test.discordant:,}", "total": f"{found.test.n:,}"}
    st.markdown(f"**{label('compare', 'disagreements', **counts, **classes.written)}**")
    if not found.disagreements:
        return
    whose = shared.choose("whose", label("compare", "whose"), WHOSE, "whose")
    frame = rows(found, whose)
    number, words = st.column_config.NumberColumn, st.column_config.TextColumn
    st.dataframe(
        frame,
        hide_index=True,
        width="stretch",
        height=360,
        key="disagreements",
        column_config={
            "review": words(label("compare", "column_review"), width=430),
            "truth": words(label("compare", "column_truth"), width=95),
            "right": words(label("compare", "column_right"), width=120),
            "first": number(found.first, format="%.1f%%"),
            "second": number(found.second, format="%.1f%%"),
            "row": number(label("compare", "column_number"), width=60),
        },
        alt=label(
            "compare", "disagreements_alt", n=len(frame), first=found.first, second=found.second, **classes.plain
        ),
    )
    st.caption(
        label(
            "compare",
            "disagreements_reading",
            first=escaped(found.first),
            second=escaped(found.second),
            **classes.written,
        )
    )


def rows(found: Comparison, whose: str) -> pd.DataFrame:
    """A row a review: text, true label, who is right, both probabilities of "positive" in percent, number from 1."""
    classes = named(found.labels, own=found.own)
    wanted = {"all": (True, False), "first": (True,), "second": (False,)}[whose]
    found_rows = [
        {
            "review": d.text,
            "truth": classes.verdict(d.label == found.labels[1]),
            "right": found.first if d.first_right else found.second,
            "first": 100 * d.first_positive,
            "second": 100 * d.second_positive,
            "row": d.row + 1,
        }
        for d in sorted(found.disagreements, key=lambda d: -abs(d.first_positive - d.second_positive))
        if d.first_right in wanted
    ]
    return pd.DataFrame(found_rows, columns=["review", "truth", "right", "first", "second", "row"])
