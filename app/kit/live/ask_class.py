"""The button that puts a question to the class: on a page, in a lesson, wherever there is a question."""

import streamlit as st

from app import services
from app.content import label
from app.kit import present
from app.kit.live.join import CODE, VIEW
from app.kit.pages import script_of
from app.kit.plain import escaped
from peft_core.errors import PeftClassroomError
from peft_core.serving.live.codes import Live
from peft_core.serving.live.vote import Ballot

BACK = "class asked on"  # session state: the page where the question stands, and its query


def button(key: str, ballot: Ballot, page: str) -> None:
    """The button, for whoever may start a vote; pressed, it leads to the projector's view of the vote.

    Args:
        page: the name of the page on which it stands, for the way back.
    """
    if services.live.may_start() and st.button(
        label("vote", "ask_class"), key=key, icon=":material/how_to_vote:", help=label("vote", "ask_class_help")
    ):
        start(ballot, page)


def start(ballot: Ballot, page: str) -> None:
    """Put the question to the class, and go to the projector's view; a sentence where that cannot be."""
    try:
        vote = services.live.ask_the_class(ballot)
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
        return
    st.session_state[BACK] = page, st.query_params.to_dict()
    st.switch_page(script_of("vote"), query_params=screen(vote))


def screen(live: Live) -> dict[str, str]:
    """The query of the projector's view: large by itself, and not as presenter mode divides a page; the way back is."""
    return {CODE: live.code, VIEW: "screen"} | ({present.KEY: "0"} if present.on() else {})


def way_back() -> None:
    """On the projector's view: a link to where the question was asked."""
    page, query = st.session_state.get(BACK, ("", {}))
    if page:
        words = label("vote", "back")
        st.page_link(script_of(page), label=words, icon=":material/arrow_back:", query_params=query)
