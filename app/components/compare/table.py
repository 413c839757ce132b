"""The report's table, row by row: what it says, what was run here, three ways of counting, and what it cost."""

import pandas as pd
import streamlit as st

from app import services
from app.components.compare import linked, row_detail, shared
from app.components.compare.words import NOTHING, file_size, several, with_interval
from app.components.cost_words import duration
from app.components.questions.question import megabytes
from app.content import label, text
from peft_core.report_table import Counts, TableRow

GROUPS = {
    "accuracy": ("reported", "reproduced", "tested", "seeds"),
    "parameters": ("trainable", "total", "by_numel", "by_file"),
    "cost": ("file", "seconds", "speed", "memory"),
}
COMPACT = ("reported", "reproduced", "trainable", "checked", "file", "seconds", "speed", "memory")
VIEWS = ("all", *GROUPS)


def draw() -> None:
    """Base and columns, the table, and everything about one row."""
    st.markdown(text("compare", "table"))
    left, middle, right = st.columns([2, 3, 3], vertical_alignment="bottom")
    with left:
        table = shared.table_for(shared.choose_base())
    with middle:
        view = _choose_columns()
    with right:
        key = linked.choose(shared.names_of(table.rows))
    columns = GROUPS.get(view, COMPACT)
    frame = pd.DataFrame([cells(row, columns) for row in table.rows])
    spoken = "; ".join(", ".join(f"{name} {value}" for name, value in row.items()) for row in frame.to_dict("records"))
    linked.table(
        frame,
        [row.key for row in table.rows],
        "compare_table",
        label("compare", "table_alt", base=table.base, rows=spoken),
        _config(columns),
    )
    waiting = "" if services.heavy().ready.is_set() else " " + label("compare", "numel_waiting")
    st.caption(text("compare", "table_reading", base=table.base) + waiting)
    row_detail.draw(table.row(key), table.base)


def _choose_columns() -> str:
    """One group of columns, or the most important of all; in the URL as `columns`."""
    names = {name: label("compare", f"view_{name}") for name in VIEWS}
    from app.components import url

    url.ask("columns", VIEWS, VIEWS[0])
    chosen = st.segmented_control(
        label("compare", "columns"), VIEWS, format_func=names.get, key="columns", required=True
    )
    url.remember("columns", chosen, default=VIEWS[0])
    return chosen


def cells(row: TableRow, columns: tuple[str, ...]) -> dict[str, str]:
    """Heading → text, of the row's name and `columns`. What was not run says so in the first column that needs a run."""
    values = {"row": row.label} | {name: _CELLS[name](row) for name in columns}
    return {label("compare", f"column_{name}"): value for name, value in values.items()}
