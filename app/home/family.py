"""The family tree of parameter-efficient methods: which of them are here, and who else students will meet."""

import streamlit as st

from app.content import head, text
from app.kit.pages import method_pages, script_of

FAMILIES = ("additive", "selective", "reparameterised", "quantised")


def draw() -> None:
    """What all have in common, then a column a branch: a sentence, links to what is in this app, and others by name."""
    st.markdown(text("home", "family"))
    for family, column in zip(FAMILIES, st.columns(len(FAMILIES), gap="small"), strict=True):
        with column.container(border=True, height="stretch"):
            st.markdown(text("home", f"family_{family}"))
            for name, page in method_pages().items():
                if head(f"method/{page.method}").get("family") == family:
                    st.page_link(script_of(name), label=page.short, icon=f":material/{page.icon}:")
            st.caption(text("home", f"family_{family}_others"))
    st.caption(text("home", "family_reading"))
