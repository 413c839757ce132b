"""One row's parameters counted in three ways that share no code, beside what the report prints."""

import streamlit as st

from app.components.compare.shared import short
from app.components.compare.words import NOTHING
from app.components.messages import plain
from app.content import label
from peft_core.quoted import BASE
from peft_core.report_table import Counts, TableRow

ALIKE, UNLIKE = "✓", "≠"


def draw(row: TableRow, base: str) -> None:
    """What trains and what there is, counted in three ways; on the report's base beside its own printed numbers."""
    lines = [_heading(["", "by_hand", "by_numel", "by_file", "by_report"])]
    ours = row.reproduction.counts if row.reproduction else row.counts
    lines += _lines(short(base), ours, None)
    if row.quoted and row.quoted_counts and base != BASE:
        lines += _lines(BASE, row.quoted_counts, (row.quoted.trainable_parameters, row.quoted.total_parameters))
    elif row.quoted:
        printed = (row.quoted.trainable_parameters, row.quoted.total_parameters)
        lines[1:] = _lines(BASE, ours, printed)
    st.markdown("\n".join(lines))
    st.caption(label("compare", "not_all_agree" if any(UNLIKE in line for line in lines) else "all_agree"))


def _heading(names: list[str]) -> str:
    words = [label("compare", f"counted_{name}") if name else " " for name in names]
    return "| " + " | ".join(words) + " |\n|" + "---|" + "---:|" * (len(names) - 1)


def _lines(base: str, counts: Counts, printed: tuple[int, int] | None) -> list[str]:
    """Two lines: what trains, and the total. A count that differs from the one by hand is marked."""
    lines = []
    for position, name in enumerate(("trainable", "total")):
        by_hand = getattr(counts.by_hand, name)
        others = [getattr(counted, name) if counted else None for counted in (counts.by_numel, counts.by_file)]
        others.append(printed[position] if printed else None)
        told = [_told(number, by_hand) for number in others]
        lines.append(f"| {plain(base)}, {label('compare', f'counted_{name}')} | {by_hand:,} | {' | '.join(told)} |")
    return lines


def _told(number: int | None, by_hand: int) -> str:
    if number is None:
        return NOTHING
    return f"{number:,} {ALIKE if number == by_hand else UNLIKE}"
