"""The race: a lane a method, as a replay of recorded runs at a chosen speed, or run now. A guess before the start."""

from collections.abc import Sequence

import streamlit as st

from app import services
from app.content import label, text
from app.kit import url
from app.kit.reach import titles
from app.race import guess, lanes, live
from app.race.clock import Clock, clock, remember
from peft_core.report.race import Along, Lane, length, mark, side_by_side

TICK = 0.4  # seconds between two drawings
PACES = {"20": 20, "40": 40, "80": 80}  # seconds that the whole race takes
KINDS, ALONGS = ("replay", "live"), ("reviews", "seconds")


def _replay(chosen: Sequence[Lane], along: Along, duration: int) -> None:
    """Guess, start, watch, and be told."""
    goal, end, time = mark(chosen), length(chosen, along), clock()
    over = not time.running and time.share >= 1
    place = st.container()
    guessed = guess.Guess(None, None)
    with place:
        left, right = st.columns([8, 1] if over else [7, 3], vertical_alignment="top" if over else "bottom")
        if over:
            with left:
                guess.tell(chosen, goal, along, guess.kept())
            with right:
                _buttons(time, duration, True)
        else:
            with left:
                guessed = guess.ask(chosen, goal)
            with right:
                _buttons(time, duration, guessed.complete)

    @st.fragment(run_every=TICK if time.running else None)
    def watch() -> None:
        share = time.now(duration)
        lanes.draw(chosen, along, share * end, goal)
        if time.running and share >= 1:
            time.stop(duration)
            st.rerun()

    watch()
    remember(time)


def _buttons(time: Clock, duration: int, guessed: bool) -> None:
    """Start or pause, and again from the beginning."""
    with st.container(horizontal=True):
        if time.running:
            st.button(
                label("race", "pause"), key="race_pause", icon=":material/pause:", on_click=time.stop, args=(duration,)
            )
        elif time.share < 1:
            st.button(
                label("race", "go_on" if time.share else "start"), type="primary", key="race_start",
                icon=":material/play_arrow:", on_click=time.start, disabled=not guessed and not time.share,
                help=None if guessed or time.share else label("race", "guess_first"),
            )  # fmt: skip
        if time.share or time.running:
            st.button(label("race", "again"), key="race_again", icon=":material/replay:", on_click=time.reset)


def _page() -> None:
    st.markdown(text("race", "lead"))
    known = lanes.all_known()
    if not known:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kinds = {name: label("race", f"kind_{name}") for name in KINDS}
        kind = url.one_of("race", label("race", "kind"), kinds)
        titles.section(kinds[kind])
        timed = all(lane.first.timed for lane in side_by_side([known[key] for key in lanes.at_first(known)]))
        order = tuple(reversed(ALONGS)) if timed else ALONGS
        along = url.one_of(
            "race_along", label("race", "along"), {name: label("race", f"along_{name}") for name in order}
        )
        pace = "20"
        if kind == "replay":
            pace = url.one_of("race_pace", label("race", "pace"), {name: f"{n} s" for name, n in PACES.items()})
        chosen = side_by_side(lanes.choose(known))
    if kind == "live":
        live.draw(chosen, along)
        return
    racing = [lane for lane in (lane.along(along) for lane in chosen) if lane]
    if len(racing) < len(chosen):
        out = ", ".join(lane.label for lane in chosen if lane.along(along) is None)
        st.caption(label("race", "no_times", names=out))
    if len(racing) < 2:
        st.info(label("race", "two_lanes"), icon=":material/info:")
        return
    _replay(racing, along, PACES[pace])
    machine = next((lane.first.machine for lane in racing if lane.first.timed), None)
    st.caption(text("race", "reading") + (" " + label("race", "timed_on", machine=machine) if machine else ""))


_page()
services.rerun_when_ready()
