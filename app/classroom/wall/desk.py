"""The teacher's desk beside the wall: what waits, to be accepted or refused; what is shown, to be taken off again."""

from collections.abc import Sequence

import streamlit as st

from app import services
from app.classroom.wall import chips, opening
from app.content import label
from app.kit.live import join
from peft_core.reviews.spreadsheet.writing import write_csv
from peft_core.serving.live.wall import Sentence, State, Wall

POLL = 3.0  # seconds
MOST_SHOWN = 40  # of a list


def draw(wall: Wall) -> None:
    """Not for the projector: what stands here nobody has accepted yet."""
    chips.style()
    st.markdown(label("wall", "desk", code=wall.code))
    with st.container(horizontal=True, vertical_alignment="center"):
        opening.link(wall, "screen", label("live", "to_screen"), "tv")
        join.end("wall", _close, wall)

    @st.fragment(run_every=POLL)
    def watch() -> None:
        if wall.closed:
            st.rerun()
        _waiting(wall)
        _accepted(wall)

    watch()


def _waiting(wall: Wall) -> None:
    waiting = wall.sentences("waiting")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(label("wall", "waiting", n=len(waiting)), width="content")
        if waiting:
            _button("accept_all", "done_all", "primary", wall, waiting[:MOST_SHOWN], "accepted")
        join.save("wall", table(wall), wall)
    for sentence in waiting[:MOST_SHOWN]:
        with st.container(border=True, key=f"desk_{sentence.number}"):
            _sentence(sentence)
            with st.container(horizontal=True):
                _button("accept", "check", "secondary", wall, [sentence], "accepted")
                _button("refuse", "block", "secondary", wall, [sentence], "refused")
    if (more := len(waiting) - MOST_SHOWN) > 0:
        st.caption(label("wall", "more", n=more))


def _accepted(wall: Wall) -> None:
    accepted = wall.ranked()
    if not accepted:
        return
    with st.expander(label("wall", "accepted", n=len(accepted)), key="wall_accepted"):
        for sentence in accepted[:MOST_SHOWN]:
            with st.container(border=True, key=f"shown_{sentence.number}"):
                _sentence(sentence)
                _button("take_off", "visibility_off", "tertiary", wall, [sentence], "refused")


def _sentence(sentence: Sentence) -> None:
    st.text(sentence.text)
    words = label("wall", "meant", truth=chips.truth(sentence.positive))
    st.caption(f"{words} {label('wall', 'doubtful')}" if sentence.doubtful else words)
    chips.draw(sentence.answers, sentence.positive, f"d{sentence.number}")


def _button(name: str, icon: str, kind: str, wall: Wall, sentences: Sequence[Sentence], state: State) -> None:
    """A button for what is on the screen: a sentence that comes meanwhile is not accepted unseen."""
    numbers = [sentence.number for sentence in sentences]
    key = f"wall_{name}" if name == "accept_all" else f"wall_{name}_{numbers[0]}"
    st.button(
        label("wall", name, n=len(numbers)), key=key, type=kind, icon=f":material/{icon}:", on_click=_judge,
        args=(wall, numbers, state),
    )  # fmt: skip


def _judge(wall: Wall, numbers: Sequence[int], state: State) -> None:
    if services.live.may_steer(wall):
        wall.judge(numbers, state)


def _close(wall: Wall) -> None:
    if services.live.may_steer(wall):
        services.live.walls().close(wall)


def table(wall: Wall) -> bytes:
    """Every sentence as CSV, with what each model says of it."""
    sentences = wall.sentences()
    titles = list(dict.fromkeys(answer.title for one in sentences for answer in one.answers))
    rows = []
    for one in sentences:
        said = {answer.title: answer.p for answer in one.answers}
        rows.append(
            [
                one.number, one.text, label("wall", "positive" if one.positive else "negative"), one.fooled,
                label("wall", f"column_{one.state}"), *(said.get(title, "") for title in titles),
            ]
        )  # fmt: skip
    names = [label("wall", f"column_{name}") for name in ("number", "text", "truth", "fooled", "state")]
    return write_csv([*names, *titles], rows)
