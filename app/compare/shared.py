"""What several parts of the page start from: the base model, and the report's table for it."""

from pathlib import Path

import streamlit as st

from app import services
from app.content import label
from app.kit import url
from peft_core.report.build import build_table
from peft_core.report.table import Table
from peft_core.t5.architecture import catalogue

BASE = "our_base"


def choose_base() -> str:
    """The base model of our runs, in the URL by its name: those with checkpoints first."""
    trained = [info.base for info in services.checkpoints()]
    names = list(dict.fromkeys((*trained, *catalogue())))
    url.from_link(BASE, names, names[0])
    if st.session_state[BASE] not in names:  # its last run was deleted meanwhile
        st.session_state[BASE] = names[0]
    base = st.selectbox(label("compare", "base"), names, format_func=short, key=BASE)
    url.remember(BASE, base, default=names[0])
    return base


def table_for(base: str) -> Table:
    """The report's rows beside our runs on `base`; counts by `numel()` once torch is in."""
    return build_table(services.checkpoints(), base, services.numel)


def choose(key: str, title: str, options: tuple[str, ...], group: str, words: str = "compare") -> str:
    """One of a few options, side by side; in the URL by its name. Their labels are `{group}_{option}` of `words`."""
    return url.one_of(key, title, {option: label(words, f"{group}_{option}") for option in options})


def short(base: str) -> str:
    """A base model's name: the last part of a folder's path."""
    return Path(base).name
