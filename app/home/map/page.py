"""One map of the model: every module once, in the order of the forward pass; switches plug methods in."""

import streamlit as st

from app.content import label, text
from app.home.map import listed, picture
from app.home.map.boxes import plugs
from app.home.map.drawn import Drawn
from app.kit import theme, url
from peft_core.t5.architecture import BaseModel, catalogue

KEY = "plug"  # in the URL, once for each method that is plugged in
BASE = "map_base"  # in the URL; not "base": a page may not send to another what one of its own widgets is bound to
AT_FIRST = ["lora"]


def _plugged(known: list[str]) -> list[str]:
    """The switches. What is plugged in is in the URL by name; nothing at all is an empty name."""
    if url.to_be_read(KEY):
        asked = st.query_params.get_all(KEY)
        st.session_state[KEY] = [name for name in dict.fromkeys(asked) if name in known] if asked else AT_FIRST
        if left_out := [name for name in asked if name and name not in known]:
            st.info(label("map", "unknown", n=len(left_out)), icon=":material/info:")
    chosen = st.pills(
        label("map", "plug"), known, selection_mode="multi", key=KEY,
        format_func=lambda name: f"{theme.MARKS[theme.METHOD[name].shape]} {label(f'method/{name}', 'title')}",
    )  # fmt: skip
    if chosen == AT_FIRST:
        st.query_params.pop(KEY, None)
    elif st.query_params.get_all(KEY) != (wanted := chosen or [""]):
        st.query_params[KEY] = wanted
    return chosen


def _base() -> BaseModel:
    name, bases = label("count", "base"), list(catalogue())
    url.known(BASE, name, bases, bases[0])
    return catalogue()[st.selectbox(name, bases, key=BASE, bind="query-params")]


st.markdown(text("map", "lead"))
left, right = st.columns([3, 1], vertical_alignment="bottom")
with right:
    base = _base()
known = plugs(base.architecture)
with left:
    plugged = _plugged(list(known))
drawn = Drawn(base, known, plugged)
if (pressed := picture.draw(drawn.data)) and (way := drawn.leads(pressed)):
    script, query = way
    st.session_state["base"] = base.name  # the one of the page before would be kept otherwise
    st.switch_page(script, query_params=query)
listed.draw(drawn)
