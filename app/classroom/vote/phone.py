"""What a phone sees of a vote: the question, a button for each option. A vote may change until the answer is shown."""

import streamlit as st

from app import services
from app.classroom.vote import wording
from app.content import label
from app.kit.live import join
from app.kit.pages import script_of
from app.kit.plain import escaped
from peft_core.errors import PeftClassroomError
from peft_core.serving.live.vote import Tally, Vote

POLL = 4.0  # seconds: sixty phones ask
REFUSED = "vote refused"  # session state: why the last vote does not count


def draw(vote: Vote) -> None:
    """All of it is one fragment, so the next question comes by itself, and nothing else of the page is drawn again."""
    join.only_this()
    steers = services.live.may_steer(vote)

    @st.fragment(run_every=POLL)
    def watch() -> None:
        if vote.closed:
            st.rerun()
        tally, mine = vote.tally(), vote.choice(services.owner())
        st.markdown(wording.unlinked(wording.heading(tally.ballot.ask)))
        if refused := st.session_state.pop(REFUSED, ""):
            st.warning(escaped(refused), icon=":material/info:")
        if tally.phase == "revealed":
            _answer(tally, mine)
        else:
            _options(vote, tally, mine)

    watch()
    if steers:
        st.page_link(
            script_of("vote"), label=label("live", "to_screen"), icon=":material/tv:",
            query_params={join.CODE: vote.code, join.VIEW: "screen"},
        )  # fmt: skip


def _options(vote: Vote, tally: Tally, mine: int | None) -> None:
    for place, option in enumerate(tally.ballot.options):
        chosen = place == mine
        st.button(
            wording.unlinked(wording.option(place, option)), key=f"vote_{tally.number}_{place}", width="stretch",
            type="primary" if chosen else "secondary", icon=":material/check:" if chosen else None, on_click=_cast,
            args=(vote, tally.number, place),
        )  # fmt: skip
    st.caption(label("vote", "not_yet" if mine is None else "counted"))


def _cast(vote: Vote, number: int, place: int) -> None:
    try:
        vote.cast(services.owner(), number, place)
    except PeftClassroomError as error:
        st.session_state[REFUSED] = str(error)


def _answer(tally: Tally, mine: int | None) -> None:
    """What is right, what this visitor said, and why."""
    ballot = tally.ballot
    said = label("vote", "no_vote") if mine is None else wording.option(mine, ballot.options[mine])
    if ballot.right is None:
        st.markdown(label("vote", "you_said", said=wording.unlinked(said)))
    else:
        right = wording.option(ballot.right, ballot.options[ballot.right])
        st.markdown(label("vote", "right_is", right=wording.unlinked(right)))
        if mine != ballot.right:
            st.markdown(label("vote", "you_said", said=wording.unlinked(said)))
        else:
            st.markdown(label("vote", "you_too"))
    st.markdown(wording.unlinked(ballot.explain))
