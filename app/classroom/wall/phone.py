"""What a phone sees of the wall: a box for a sentence, what is true of it, and at once what every method says."""

from typing import NamedTuple

import streamlit as st

from app import services
from app.classroom.wall import asked, chips, opening
from app.content import label, text
from app.kit.live import join
from app.kit.plain import escaped
from peft_core.errors import PeftClassroomError
from peft_core.serving.live.wall import MOST_CHARACTERS, MOST_EACH, SECONDS, Answer, Wall, wrong

POLL = 5.0  # seconds: sixty phones ask whether their sentence is on the wall
SENT = "wall sentence"  # session state: the last one, and how many were sent
TRUTHS = ("positive", "negative")


class Sent(NamedTuple):
    """What this visitor sent last."""

    turn: int  # the next one's box is another one, and empty
    text: str  # as models read it
    positive: bool
    answers: list[Answer]
    doubtful: bool
    number: int = 0  # on the wall
    refused: str = ""  # why it has no number


def draw(wall: Wall) -> None:
    """The box and the answers are one fragment, which nothing runs but the visitor; a second one looks at the wall."""
    join.only_this()
    chips.style()
    st.markdown(text("wall", "phone"))

    @st.fragment
    def write() -> None:
        _write(wall)

    @st.fragment(run_every=POLL)
    def look() -> None:
        if wall.closed:
            st.rerun()
        sent: Sent | None = st.session_state.get(SENT)
        if sent and (sentence := wall.find(sent.number)):
            st.caption(label("wall", f"state_{sentence.state}"))

    write()
    look()
    if services.live.may_steer(wall):
        opening.link(wall, "screen", label("live", "to_screen"), "tv")
    services.rerun_when_ready()


def _write(wall: Wall) -> None:
    ready = services.libraries().ready.is_set() and not services.libraries().error
    sent: Sent | None = st.session_state.get(SENT)
    box = st.empty()
    with box.container():
        words, truth = _box(sent.turn if sent else 0)
    if not ready:
        st.info(services.libraries().error or label("wall", "loading"), icon=":material/hourglass_top:")
    if st.button(
        label("wall", "send"), type="primary", key="wall_send", icon=":material/send:", width="stretch",
        disabled=not ready,
    ) and _send(wall, words, truth):  # fmt: skip
        sent = st.session_state[SENT]
        with box.container():
            _box(sent.turn)
    st.caption(label("wall", "rate", seconds=f"{SECONDS:.0f}", most=MOST_EACH))
    if sent:
        _answers(sent)


def _box(turn: int) -> tuple[str, str | None]:
    """The box for a sentence and what is true of it; another turn has others, which are empty."""
    words = st.text_area(
        label("wall", "sentence"), key=f"wall_text_{turn}", max_chars=MOST_CHARACTERS, height=100,
        placeholder=label("wall", "placeholder"),
    )  # fmt: skip
    truth = st.segmented_control(
        label("wall", "truth"), TRUTHS, key=f"wall_truth_{turn}",
        format_func=lambda name: chips.truth(name == "positive"),
    )  # fmt: skip
    return words, truth


def _send(wall: Wall, words: str, truth: str | None) -> bool:
    """Ask everyone, and let it wait for the teacher if somebody is wrong; whether that was done, else a sentence."""
    if truth not in TRUTHS:
        st.warning(label("wall", "no_truth"), icon=":material/info:")
        return False
    positive = truth == "positive"
    try:
        cleaned = wall.check(services.owner(), words)
        with st.spinner(label("wall", "asking")):
            answers, doubtful = asked.ask(cleaned, wall.models)
    except PeftClassroomError as error:
        st.warning(escaped(error), icon=":material/info:")
        return False
    if not answers:
        return False
    number, refused = 0, ""
    try:
        if sentence := wall.add(services.owner(), cleaned, positive, answers, doubtful):
            number = sentence.number
    except PeftClassroomError as error:
        refused = str(error)
    turn = st.session_state[SENT].turn + 1 if SENT in st.session_state else 1
    st.session_state[SENT] = Sent(turn, cleaned, positive, answers, doubtful, number, refused)
    return True


def _answers(sent: Sent) -> None:
    """The sentence as models read it, and what each says."""
    with st.container(border=True):
        st.text(sent.text)
        st.caption(label("wall", "meant", truth=chips.truth(sent.positive)))
        trained = [answer for answer in sent.answers if answer.method]
        fooled = len(wrong(sent.answers, sent.positive))
        st.markdown(label("wall", "fooled" if fooled else "fooled_none", n=fooled, of=len(trained)))
        chips.draw(sent.answers, sent.positive, "mine")
        if sent.doubtful:
            st.caption(label("wall", "doubtful"))
        if sent.refused:
            st.caption(escaped(sent.refused))
