"""Presenter mode: a page for the last row of a classroom. `present=1` in the address asks for it."""

import streamlit as st

KEY = "present"


def on() -> bool:
    """Whether this page is shown for the last row."""
    return st.query_params.get(KEY) == "1"
