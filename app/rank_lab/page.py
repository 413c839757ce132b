"""Rank lab: the report's claim that rank 1 suffices, explained on a small matrix and tested on our own checkpoints."""

import streamlit as st

from app import services
from app.content import label, text
from app.kit import url
from app.kit.reach import titles
from app.rank_lab import against, builder, similarity, updates
from app.rank_lab.enough import section as enough
from app.rank_lab.motion import section as motion

TABS = {
    "builder": builder.draw,
    "motion": motion.draw,
    "delta": updates.draw,
    "enough": enough.draw,
    "similarity": similarity.draw,
    "against": against.draw,
}
WAITS = {
    "delta": "ready",
    "enough": "finished",
    "similarity": "ready",
    "against": "ready",
}  # for the library, or for the reviews, too

st.markdown(text("rank_lab", "lead"))
titled = {name: label("rank_lab", f"tab_{name}") for name in TABS}
tabs = url.tabs("lab", list(TABS), list(titled.values()))
opened = next(name for name, tab in tabs.items() if tab.open)
titles.section(titled[opened])
with tabs[opened]:
    loaded = services.libraries()
    if opened in WAITS and (loaded.error or not getattr(loaded, WAITS[opened]).is_set()):
        st.info(loaded.error or label("playground", "loading"), icon=":material/hourglass_top:")
    else:
        TABS[opened]()
services.rerun_when_ready(examples=True)
