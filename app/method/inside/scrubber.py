"""Back, play, forward and a slider over the moments of a run. Where it stands is in the URL, unless it is playing.

While a run is under way its newest moment is followed, until somebody goes back.
"""

import time
from collections.abc import Sequence

import streamlit as st

from app.content import label
from app.kit import url, visit

STEP = "inside_step"  # the slider, and in the URL
OF, HELD, PLAYING, TICKED = "inside of", "inside held", "inside playing", "inside ticked"  # session state
TICK = 0.8  # seconds from one moment to the next


def playing() -> bool:
    """Whether the moments follow one another by themselves."""
    return bool(st.session_state.get(PLAYING))


def draw(run: str, steps: Sequence[int]) -> int:
    """The controls; the step that is shown, one of `steps`, which are of `run` and in order."""
    _arrive(run, steps)
    state, last = st.session_state, len(steps) - 1
    if playing() and time.monotonic() - state[TICKED] > 0.7 * TICK:
        _go(steps[min(steps.index(state[STEP]) + 1, last)], steps)
        state[PLAYING], state[TICKED] = state[STEP] != steps[-1], time.monotonic()
    number = steps.index(state[STEP])
    with st.container(horizontal=True, vertical_alignment="center", key="inside_scrubber"):
        st.button(
            label("inside", "back"), key="inside_back", icon=":material/skip_previous:",
            shortcut=visit.arrow("left"), disabled=number == 0,
            on_click=_stop_at, args=(steps[max(number - 1, 0)], steps),
        )  # fmt: skip
        st.button(
            label("inside", "pause" if playing() else "play"), key="inside_play", type="primary",
            icon=":material/pause:" if playing() else ":material/play_arrow:", disabled=last == 0,
            on_click=_toggle, args=(steps,),
        )  # fmt: skip
        st.button(
            label("inside", "forward"), key="inside_forward", icon=":material/skip_next:",
            shortcut=visit.arrow("right"), disabled=number == last,
            on_click=_stop_at, args=(steps[min(number + 1, last)], steps),
        )  # fmt: skip
        if last:
            st.select_slider(
                label("inside", "step"), list(steps), key=STEP, on_change=_dragged, args=(steps,),
                label_visibility="collapsed",
            )  # fmt: skip
    if not playing():  # a film would fill the browser's history
        url.remember(STEP, str(state[STEP]), default=str(steps[-1]))
    return state[STEP]


def _arrive(run: str, steps: Sequence[int]) -> None:
    """Where this visitor is: at the step of the address, where it was left, or at the newest."""
    state = st.session_state
    if url.went_back_or_forward():  # neither what plays, nor where one stood in another run, is of this address
        state[PLAYING], state[OF] = False, run
    if state.get(OF, run) != run:
        state[PLAYING] = state[HELD] = False
        state.pop(STEP, None)
        st.query_params.pop(STEP, None)
    elif not playing():
        linked = url.to_be_read(STEP)
        url.nearest(STEP, label("inside", "step"), steps)  # a longer run has made room, or a link is wrong: it says so
        if linked:
            state[HELD] = STEP in st.query_params and state.get(STEP, steps[-1]) != steps[-1]
    state[OF] = run
    if not state.get(HELD) or state.get(STEP) not in steps:
        state[STEP] = steps[-1]
    state[STEP] = state[STEP]  # kept while another section is open, where the slider is not drawn


def _go(step: int, steps: Sequence[int]) -> None:
    st.session_state[STEP], st.session_state[HELD] = step, step != steps[-1]


def _stop_at(step: int, steps: Sequence[int]) -> None:
    st.session_state[PLAYING] = False
    _go(step, steps)


def _dragged(steps: Sequence[int]) -> None:
    _stop_at(st.session_state[STEP], steps)


def _toggle(steps: Sequence[int]) -> None:
    """Play from here, or, at the end, from the start."""
    state = st.session_state
    state[PLAYING] = not playing()
    state[TICKED] = time.monotonic()
    if state[PLAYING] and state[STEP] == steps[-1]:
        _go(steps[0], steps)
