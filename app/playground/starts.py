"""Where integrated gradients begin, and what the checkpoint calls that; words on which two methods disagree in sign."""

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from app.content import label, text
from app.kit.asking.classes import Classes
from app.playground.word_chart import named, signed

if TYPE_CHECKING:
    from peft_core.analysis.explain.attribution import Attribution

MOST_NAMED = 3


def show(result: "Attribution", start: str, classes: Classes) -> None:
    """A line a baseline: what this checkpoint calls it, and what scores that begin there add up to."""
    from peft_core.analysis.explain.attribution import AVERAGE, probability

    begins = [*result.starts, (AVERAGE, sum(d for _, d in result.starts) / len(result.starts))]
    d = dict(begins)[start]
    values = {
        "p": f"{probability(d):.0%}",
        "start": label("explain", f"start_{start}"),
        "sum": signed(result.whole - d),
        **classes.written,
    }
    st.markdown(label("explain", "from_average" if start == AVERAGE else "from_start", **values))
    rows = [
        {
            label("explain", "column_start"): ("▸ " if name == start else "") + label("explain", f"start_{name}"),
            label("explain", "column_called", **classes.plain): ""
            if name == AVERAGE
            else f"{probability(of_start):.1%}",
            label("explain", "column_d"): signed(of_start),
            label("explain", "column_sum"): signed(result.whole - of_start),
        }
        for name, of_start in begins
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", key="explain_starts")


def disagreements(first: "Attribution", second: "Attribution") -> None:
    """The words to which the two methods give opposite signs, and what to make of it. Words are plain text."""
    from peft_core.analysis.explain.attribution import OPPOSITE, opposite

    found = opposite(first, second)
    scored = sum(score is not None for score in first.scores)
    values = {"n": len(found), "of": scored, "least": OPPOSITE}
    st.markdown(label("explain", "opposite" if found else "opposite_none", **values))
    if not found:
        return
    st.text(
        "; ".join(
            f"{named(first, i)} {signed(first.scores[i])} / {signed(second.scores[i])}" for i in found[:MOST_NAMED]
        )
    )
    st.caption(text("explain", "opposite"))
