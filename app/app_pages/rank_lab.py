"""Rank lab: the report's claim that rank 1 suffices, explained on a small matrix and tested on our own checkpoints."""

import streamlit as st

from app import services
from app.components import rank_builder, url
from app.content import label, text

TABS = {
    "builder": rank_builder.draw,
}

st.markdown(text("rank_lab", "lead"))
tabs = url.tabs("lab", list(TABS), [label("rank_lab", f"tab_{name}") for name in TABS])
opened = next(name for name, tab in tabs.items() if tab.open)
with tabs[opened]:
    TABS[opened]()
services.rerun_when_ready()
