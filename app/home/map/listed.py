"""The same as a list, for whoever does not see the picture: what each method trains in which part, and a link there."""

from urllib.parse import urlencode

import streamlit as st

from app.content import label
from app.home.map.boxes import Plug
from app.home.map.drawn import FIRST_OF_METHOD, Drawn
from app.kit.pages import page_for
from peft_core.t5.names import Place
from peft_core.t5.parts import Part


def draw(drawn: Drawn) -> None:
    """Closed at first: the picture says it, too."""
    with st.expander(label("map", "list"), key="map_list"):
        if not drawn.plugged:
            st.markdown(label("map", "nothing"))
        for plug in drawn.plugged:
            st.markdown(_table(plug))
            st.markdown(" · ".join(_link(drawn, plug, place) for place in plug.places))


def _table(plug: Plug) -> str:
    """The hand calculation, a line a part, as the method's own page has it."""
    rows = [f"| {_part(line.part)} | {line.product} | {line.value:,} |" for line in plug.lines]
    total = sum(line.value for line in plug.lines)
    head = f"| {label(f'method/{plug.method}', 'title')} | | {label('map', 'trains')} |"
    return "\n".join([head, "|:--|:--|--:|", *rows, f"| {label('map', 'together')} | | **{total:,}** |"])


def _part(part: Part) -> str:
    kind = label("parts", part.kind_of_words)
    return label("parts", "behind" if part.behind else "inside", stack=part.stack, kind=kind) if part.stack else kind


def _link(drawn: Drawn, plug: Plug, place: Place) -> str:
    page, query = page_for(plug.config)
    here = {"section": "steps", "base": drawn.base.name, "steps_place": place.name, "step": FIRST_OF_METHOD}
    where = {"stack": label("steps", place.stack), "block": place.block + 1, "layer": label("steps", place.layer)}
    words = label("steps", "place_option", **where)
    words = label("steps", "place_module", place=words, module=place.module) if place.module else words
    return f"[{words}]({page.name}?{urlencode(query | here, doseq=True)})"
