"""The report's table, row by row: what it says, what was run here, three ways of counting, and what it cost."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from app import services
from app.compare import linked, shared
from app.compare.table import row_detail
from app.content import label, text
from app.kit.formats import NOTHING, duration, several, with_interval
from app.kit.plain import escaped
from peft_core.report.table import Counts, Reproduction, Table, TableRow
from peft_core.statistics.formats import bytes_text
from peft_core.statistics.intervals import Accuracy

GROUPS = {
    "all": ("reported", "reproduced", "trainable", "checked", "file", "seconds", "speed", "memory"),
    "accuracy": ("reported", "reproduced", "tested", "trained", "seeds"),
    "parameters": ("trainable", "total", "numel", "in_file"),
    "cost": ("file", "seconds", "speed", "memory"),
}
WORDS = ("trained",)  # columns that are read, not compared digit by digit
WIDTHS = {  # pixels: the overview fits a projector, and on a phone the first number stands beside the name
    "row": 222, "reported": 112, "reproduced": 146, "trainable": 90, "checked": 66, "file": 76, "seconds": 72,
    "speed": 78, "memory": 76,
}  # fmt: skip


def draw() -> None:
    """Base and columns, the table, and everything about one row."""
    st.markdown(text("compare", "table"))
    left, right = st.columns([2, 5], vertical_alignment="bottom")
    with left:
        table = shared.table_for(shared.choose_base())
    with right:
        group = shared.choose("columns", label("compare", "columns"), tuple(GROUPS), "columns")
    names = {row.key: row.label for row in table.rows}
    linked.remember(names)
    frame = pd.DataFrame([cells(row, GROUPS[group]) for row in table.rows] + yardsticks(table, GROUPS[group]))
    spoken = "; ".join(", ".join(f"{name} {value}" for name, value in row.items()) for row in frame.to_dict("records"))
    words = label("compare", "table_alt", base=shared.short(table.base), rows=spoken)
    linked.table(frame, list(names), "compare_table", words, _columns(GROUPS[group]))
    st.caption(text("compare", "table_reading", base=escaped(shared.short(table.base))))
    st.caption(text("compare", "yardsticks"))
    if not services.libraries().ready.is_set():
        st.caption(f":material/hourglass_top: {label('compare', 'numel_waiting')}")
    row_detail.draw(table.row(linked.choose(names, label("compare", "row"))), table.base)


def cells(row: TableRow, columns: tuple[str, ...]) -> dict[str, str]:
    """Heading → text, of the row's name and `columns`. What was not run is said to be not run."""
    values = {"row": row.label} | {name: CELLS[name](row) for name in columns}
    return {label("compare", f"column_{name}"): value for name, value in values.items()}


def yardsticks(table: Table, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Lines without a method: the base model before any training, and counting words, on the same reviews."""
    lines = [_line("untrained", table.untrained, columns, base=shared.short(table.base))]
    for yardstick in table.yardsticks:
        line = _line("yardstick", yardstick.test, columns, n=f"{yardstick.train_reviews:,}")
        if yardstick.seconds is not None and "seconds" in columns:
            line[label("compare", "column_seconds")] = duration(yardstick.seconds)
        lines.append(line)
    return lines


def _line(name: str, test: Accuracy | None, columns: tuple[str, ...], **words: str) -> dict[str, str]:
    values = {"row": label("compare", name, **words), "reproduced": label("compare", "not_run")}
    if test:
        values |= {"reproduced": with_interval(test), "tested": label("compare", "reviews", n=f"{test.n:,}")}
    return {label("compare", f"column_{column}"): values.get(column, NOTHING) for column in ("row", *columns)}


def _columns(columns: tuple[str, ...]) -> dict[str, object]:
    """Numbers stand on the right, so that their digits can be compared."""
    column = st.column_config.TextColumn
    config: dict[str, object] = {label("compare", "column_row"): column(width=WIDTHS["row"])}
    for name in columns:
        help_words = label("compare", f"help_{name}")
        config[label("compare", f"column_{name}")] = column(
            alignment="left" if name in WORDS else "right", help=help_words, width=WIDTHS.get(name)
        )
    return config


# ---------------------------------------------------------------------------------------------------------------------
# Cells


def counts_of(row: TableRow) -> Counts:
    """Those with a file to count in, where there is a run."""
    return row.reproduction.counts if row.reproduction else row.counts


def verdict(counts: Counts) -> str:
    """A tick and how many ways of counting agree, or that they do not."""
    ways = 1 + (counts.by_numel is not None) + (counts.by_file is not None)
    if not counts.agree:
        return label("compare", "counts_differ")
    return label("compare", "counts_agree", n=ways) if ways > 1 else label("compare", "counts_one")


def _reported(row: TableRow) -> str:
    return f"{row.quoted.percent}%" if row.quoted else NOTHING


def _of_run(tell: Callable[[Reproduction], str], otherwise: str = NOTHING) -> Callable[[TableRow], str]:
    return lambda row: tell(row.reproduction) if row.reproduction else otherwise


def _file(run: Reproduction) -> str:
    sizes = [seed.file.bytes for seed in run.runs if seed.file]
    return bytes_text(max(sizes)) if sizes else NOTHING


def _other(counted: object, by_hand: int) -> str:
    """Another way's count of what trains: the same with a tick, or the number it says."""
    if counted is None:
        return NOTHING
    return f"{counted.trainable:,} ✓" if counted.trainable == by_hand else f"{counted.trainable:,} ≠"


CELLS: dict[str, Callable[[TableRow], str]] = {
    "reported": _reported,
    "reproduced": _of_run(lambda run: with_interval(run.test), label("compare", "not_run")),
    "tested": _of_run(lambda run: label("compare", "reviews", n=f"{run.test.n:,}")),
    "trained": _of_run(lambda run: label("compare", "read", n=f"{run.examples_seen:,}")),
    "seeds": _of_run(lambda run: several(run.seeds)),
    "trainable": lambda row: f"{row.counts.by_hand.trainable:,}",
    "total": lambda row: f"{row.counts.by_hand.total:,}",
    "checked": lambda row: verdict(counts_of(row)),
    "numel": lambda row: _other(counts_of(row).by_numel, row.counts.by_hand.trainable),
    "in_file": lambda row: _other(counts_of(row).by_file, row.counts.by_hand.trainable),
    "file": _of_run(_file),
    "seconds": _of_run(lambda run: duration(run.seconds)),
    "speed": _of_run(lambda run: f"{run.examples_per_second:.0f}" if run.examples_per_second else NOTHING),
    "memory": _of_run(lambda run: bytes_text(run.memory.peak_bytes) if run.memory else NOTHING),
}
