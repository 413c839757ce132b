"""Rank lab: the report's claim that rank 1 suffices, explained on a small matrix and tested on our own checkpoints."""

import streamlit as st

from app import services
from app.components import delta_panel, rank_builder, similarity_panel, url
from app.content import label, text

TABS = {"builder": rank_builder.draw, "delta": delta_panel.draw, "similarity": similarity_panel.draw}
NEED_TORCH = ("delta", "similarity")

st.markdown(text("rank_lab", "lead"))
tabs = url.tabs("lab", list(TABS), [label("rank_lab", f"tab_{name}") for name in TABS])
opened = next(name for name, tab in tabs.items() if tab.open)
with tabs[opened]:
    if opened in NEED_TORCH and (services.heavy().error or not services.heavy().ready.is_set()):
        st.info(services.heavy().error or label("playground", "loading"), icon=":material/hourglass_top:")
    else:
        TABS[opened]()
services.rerun_when_ready()
