"""One row's parameters counted in three ways that share no code, beside what the report prints."""

import streamlit as st

from app.compare.shared import short
from app.content import label
from app.kit.formats import NOTHING
from app.kit.plain import escaped
from peft_core.report.quoted import BASE
from peft_core.report.table import Counted, Counts, TableRow

ALIKE, UNLIKE = "✓", "≠"


def draw(row: TableRow, base: str) -> None:
    """A small table for our base, and one for the report's with the numbers that it prints."""
    ours = row.reproduction.counts if row.reproduction else row.counts
    printed = row.quoted and Counted(row.quoted.trainable_parameters, row.quoted.total_parameters)
    tables = [_table(short(base), ours, printed if base == BASE else None)]
    if base != BASE and row.quoted_counts:
        tables.append(_table(BASE, row.quoted_counts, printed))
    for column, table in zip(st.columns(2), tables, strict=False):
        column.markdown(table)
    st.caption(label("compare", "not_all_agree" if UNLIKE in "".join(tables) else "all_agree"))


def _table(base: str, counts: Counts, printed: Counted | None) -> str:
    """A line a way of counting: what trains, and the total. What differs from the count by hand is marked."""
    words = [escaped(base), label("compare", "counted_trainable"), label("compare", "counted_total")]
    lines = ["| " + " | ".join(words) + " |", "|---|---:|---:|"]
    ways = {"by_hand": counts.by_hand, "by_numel": counts.by_numel, "by_file": counts.by_file, "by_report": printed}
    for name, counted in ways.items():
        if counted is None and name == "by_report":
            continue
        pairs = [(counted and getattr(counted, f), getattr(counts.by_hand, f)) for f in ("trainable", "total")]
        told = [_told(number, by_hand, name == "by_hand") for number, by_hand in pairs]
        lines.append(f"| {label('compare', f'counted_{name}')} | {' | '.join(told)} |")
    return "\n".join(lines)


def _told(number: int | None, by_hand: int, itself: bool) -> str:
    """The number, never broken from the sign whether it is that of the count by hand (`itself`: which has none)."""
    if number is None:
        return NOTHING
    return f"{number:,}" if itself else f"{number:,}\N{NO-BREAK SPACE}{ALIKE if number == by_hand else UNLIKE}"
