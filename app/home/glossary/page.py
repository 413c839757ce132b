"""Every term that pages use without a word, in alphabetical order. Each has an address of its own: glossary#term."""

import streamlit as st

from app.content import glossary, label

st.markdown(label("glossary", "lead"))
st.caption(label("glossary", "how"))
for term, meaning in glossary().items():
    st.markdown(f"## {term}\n{meaning}")
