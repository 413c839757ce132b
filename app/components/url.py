"""Values that come with a link: impossible ones are moved to the nearest possible value, with a note.

Streamlit drops such values silently and shows the default; a class that follows a link should be told.
"""

from collections.abc import Callable, Sequence

import streamlit as st

from app.content import label

Number = int | float


def clamp(key: str, name: str, low: Number, high: Number, whole: bool = True) -> None:
    """Before the widget `key` is drawn: a number of the link outside [low, high] becomes the nearest inside."""
    kind = int if whole else float
    _correct(key, name, lambda asked: kind(min(max(asked, low), high)))


def nearest(key: str, name: str, options: Sequence[int]) -> None:
    """Before the select slider `key` is drawn: a number of the link that is no option becomes the nearest one."""
    _correct(key, name, lambda asked: min(options, key=lambda option: abs(option - asked)))


def _correct(key: str, name: str, possible: Callable[[float], Number]) -> None:
    """The note stays until the widget is moved: the page draws itself again on its own while libraries load."""
    remembered = f"{key} note"
    if key not in st.session_state:
        try:
            asked = float(st.query_params.get(key, "nan"))
            used = possible(asked)
        except (ValueError, OverflowError):  # no number: streamlit shows the default
            return
        if used == asked or asked != asked:  # possible already, or "nan"
            return
        st.session_state[key] = used
        st.session_state[remembered] = used, label("count", "clamped", name=name, asked=f"{asked:g}", used=f"{used:g}")
    used, note = st.session_state.get(remembered, (None, ""))
    if note and used == st.session_state[key]:
        st.info(note, icon=":material/info:")
