"""Every term that pages use without a word, in alphabetical order. Each has an address of its own: glossary#term."""

import streamlit as st

from app.content import glossary, label

st.markdown(label("glossary", "lead"))
st.caption(label("glossary", "how"))
letters = st.text_input(label("glossary", "find"), max_chars=40, key="glossary_find").casefold()
found = {term: meaning for term, meaning in glossary().items() if letters in f"{term} {meaning}".casefold()}
if not found:
    st.info(label("glossary", "none"), icon=":material/info:")
for term, meaning in found.items():
    st.markdown(f"##### {term}\n{meaning}")
