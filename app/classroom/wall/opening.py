"""Where a teacher opens a wall: who is asked."""

import streamlit as st

from app import services
from app.classroom.wall import asked
from app.content import label, text
from app.kit.asking import verdicts
from app.kit.live import ask_class, join
from app.kit.pages import script_of
from app.kit.plain import escaped
from peft_core.errors import PeftClassroomError
from peft_core.serving.live.wall import MOST_MODELS, Wall


def draw() -> None:
    """A button for whoever may open one, and a link to what this visitor has open."""
    if not services.live.may_start():
        return
    st.divider()
    st.markdown(text("wall", "open"))
    known = asked.offered()
    titles = verdicts.titles(known.values())
    chosen = st.multiselect(
        label("wall", "models"), list(known), asked.at_first(known), format_func=titles.get, key="wall_models",
        max_selections=MOST_MODELS, wrap=True,
    )  # fmt: skip
    if st.button(label("wall", "open"), type="primary", key="wall_open", icon=":material/add_comment:"):
        try:
            wall = services.live.open_wall(chosen)
        except PeftClassroomError as error:
            st.error(escaped(error), icon=":material/error:")
            return
        st.switch_page(script_of("wall"), query_params=ask_class.screen(wall))
    if own := services.live.walls().of(services.owner()):
        link(own, "screen", label("live", "to_open", code=own.code), "tv")


def where(wall: Wall, view: str) -> dict[str, str]:
    """The query of one of a wall's views."""
    return {join.CODE: wall.code, join.VIEW: view}


def link(wall: Wall, view: str, words: str, icon: str) -> None:
    """To a view of this wall."""
    st.page_link(script_of("wall"), label=words, icon=f":material/{icon}:", query_params=where(wall, view))
