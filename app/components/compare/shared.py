"""What all parts of the page start from: the base model, and the report's table for it."""

from pathlib import Path

import streamlit as st

from app import services
from app.components import url
from app.content import label
from peft_core.architecture import catalogue
from peft_core.records import CheckpointInfo
from peft_core.report_table import Table, TableRow, report_table

BASE = "our_base"


def choose_base() -> str:
    """The base model of our runs, in the URL by its name: those with checkpoints first."""
    trained = [info.base for info in services.checkpoints()]
    names = list(dict.fromkeys((*trained, *catalogue())))
    url.ask(BASE, names, names[0])
    if st.session_state[BASE] not in names:  # its last run was deleted meanwhile
        st.session_state[BASE] = names[0]
    base = st.selectbox(label("compare", "base"), names, format_func=lambda name: Path(name).name, key=BASE)
    url.remember(BASE, base, default=names[0])
    return base


def table_for(base: str) -> Table:
    """The report's rows beside our runs on `base`; counts by `numel()` once torch is in."""
    return report_table(base, services.checkpoints(), services.numel)


def on_base(base: str) -> list[CheckpointInfo]:
    return [info for info in services.checkpoints() if info.base == base]


def names_of(rows: tuple[TableRow, ...]) -> dict[str, str]:
    """Key → what people read."""
    return {row.key: row.label for row in rows}
