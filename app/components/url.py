"""Values that come with a link: out of range ones are moved to the nearest possible value, with a note."""

import streamlit as st

from app.content import label


def clamp(key: str, name: str, low: float, high: float, whole: bool = True) -> None:
    """Before the widget `key` is drawn: if the link asks for a number outside [low, high], use the nearest inside.

    Streamlit drops such values silently and shows the default; a class that follows a link should be told.
    """
    asked = st.query_params.get(key)
    if asked is None or key in st.session_state:
        return
    try:
        value = float(asked)
    except ValueError:
        return  # no number: streamlit shows the default
    if value != value or low <= value <= high:
        return
    nearest = min(max(value, low), high)
    st.session_state[key] = int(nearest) if whole else float(nearest)
    st.info(label("count", "clamped", name=name, asked=f"{value:g}", used=f"{nearest:g}"), icon=":material/info:")
