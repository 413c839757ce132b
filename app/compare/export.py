"""The page to take home: CSV, JSON and one HTML page, made when a button is pressed."""

from collections.abc import Callable

import streamlit as st

from app.compare import shared
from app.compare.significant import pair as two
from app.content import label, text
from app.kit import saving
from app.kit.plain import escaped
from peft_core.analysis.comparison import Comparison
from peft_core.report.export.data import as_csv, as_json, table_data
from peft_core.report.export.page import as_html
from peft_core.report.table import Table

FILES: dict[str, tuple[str, str, Callable[[dict], str | bytes]]] = {
    "html": ("html", "text/html", as_html),
    "csv": ("csv", "text/csv", as_csv),
    "json": ("json", "application/json", as_json),
}


def draw() -> None:
    """Base, a button a file, and what is in them."""
    st.markdown(text("compare", "export"))
    table = shared.table_for(shared.choose_base())
    pair = two.chosen_pair()
    name = escaped(shared.short(table.base))
    ran = sum(row.reproduction is not None for row in table.rows)
    st.markdown(label("compare", "export_rows", ran=ran, rows=len(table.rows), base=name))
    with st.container(horizontal=True, key="export_buttons"):
        for kind, (ending, mime, write) in FILES.items():
            saving.button(
                label("compare", f"export_{kind}"),
                lambda write=write: write(data(table, two.compared(pair))),
                f"peft-compare.{ending}",
                mime,
                key=f"export_{kind}",
                kind="primary" if kind == "html" else "secondary",
            )
    if pair:
        titles = two.titles(pair)
        st.caption(label("compare", "export_pair", first=escaped(titles[0]), second=escaped(titles[1])))
    st.caption(label("compare", "export_reading"))


def data(table: Table, found: Comparison | None) -> dict:
    """What all three files say: the table, and the chosen pair where it can be compared."""
    return table_data(table, [found] if found else [])
