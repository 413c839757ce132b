"""What the projector shows of the wall: sentences that the teacher has accepted; what has fooled most stands first."""

import streamlit as st

from app.classroom.wall import chips, opening
from app.content import label, text
from app.kit.live import join
from peft_core.serving.live.wall import Wall

POLL = 2.0  # seconds: there is one projector
MOST_SHOWN = 30


def draw(wall: Wall) -> None:
    """The sentences at the left, how to come in at the right."""
    join.large()
    chips.style()
    with st.container(key="live_screen"):
        left, right = st.columns([7, 3], gap="large")
        with right:
            with st.container(key="live_code"):
                join.panel("wall", wall)
            opening.link(wall, "desk", label("wall", "to_desk"), "inbox")
            join.home()

        @st.fragment(run_every=POLL)
        def watch() -> None:
            if wall.closed:
                st.rerun()
            _sentences(wall)

        with left:
            st.markdown(text("wall", "screen"))
            watch()


def _sentences(wall: Wall) -> None:
    ranked, waiting = wall.ranked(), len(wall.sentences("waiting"))
    st.caption(label("wall", "line", shown=len(ranked), waiting=waiting))
    if not ranked:
        st.markdown(label("wall", "empty"))
    for sentence in ranked[:MOST_SHOWN]:
        with st.container(border=True, key=f"wall_{sentence.number}"):
            st.text(sentence.text)
            trained = sum(bool(answer.method) for answer in sentence.answers)
            st.caption(label("wall", "row", truth=chips.truth(sentence.positive), n=sentence.fooled, of=trained))
            chips.draw(sentence.answers, sentence.positive, f"s{sentence.number}")
    if (more := len(ranked) - MOST_SHOWN) > 0:
        st.caption(label("wall", "more", n=more))
