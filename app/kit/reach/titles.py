"""The title of a browser's tab, of a bookmark and of a line in the history: page, open section, app."""

import streamlit as st

from app.content import label

SHOWN = "title shown"  # session state: page and section


def page(name: str) -> None:
    """Before a page is drawn: its title, with the section that it showed last. So a rerun changes no title."""
    kept, section_kept = st.session_state.get(SHOWN, ("", ""))
    _show(name, section_kept if kept == name else "")


def section(name: str) -> None:
    """While it is drawn: the section that is open on it."""
    kept, section_kept = st.session_state[SHOWN]
    if name != section_kept:
        _show(kept, name)


def _show(page_name: str, section_name: str) -> None:
    st.session_state[SHOWN] = page_name, section_name
    both = f"{page_name} · {section_name}" if section_name else page_name
    st.set_page_config(page_title=label("app", "page_title", page=both))
