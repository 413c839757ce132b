"""Compare: the report's table beside our own runs, and how sure one may be of any difference."""

import streamlit as st

from app import services
from app.components import url
from app.content import label, text

PARTS = ("table", "trade_off", "curves", "significant", "optimism", "export")

st.markdown(text("compare", "lead"))
tabs = url.tabs("part", PARTS, [label("compare", f"part_{name}") for name in PARTS])
opened = next(name for name, tab in tabs.items() if tab.open)
with tabs[opened]:
    st.markdown(text("compare", opened))
services.rerun_when_ready(examples=opened == "significant")
