"""The same race, run now: every method with the same reviews, seed and passes, one after the other in the queue."""

from collections.abc import Sequence

import streamlit as st

from app import services
from app.content import label, text
from app.kit.machine import this_computer
from app.kit.plain import escaped
from app.race import guess, lanes
from peft_core.config import PRESETS, RunConfig, TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.report.race import Along, Lane, length, mark, of_metrics
from peft_core.reviews.config import DataConfig
from peft_core.training.runs import CLASSROOM_LIMITS, Run, new_spec

RUNS = "race_run"  # in the URL, as often as there are runs
ASKED = "race asked"  # session state: keys of the lanes that this visitor has pressed the button for
POLL = 2.0  # seconds
HELD_OUT = 400  # reviews of a validation, and of the test: with all 3,000 of them seven methods would take too long
EVALUATIONS = 5


def budget(lane: Lane) -> RunConfig:
    """What every method gets: the shortest preset's reviews, passes and length, and seed 0."""
    short = PRESETS["short"]
    return RunConfig(
        base=lanes.BASE,
        method=lane.method,
        data=DataConfig(
            train_size=short.reviews, validation_size=HELD_OUT, test_size=HELD_OUT, max_length=short.max_length
        ),
        train=TrainConfig(epochs=short.epochs, max_seconds=CLASSROOM_LIMITS.max_seconds, evaluations=EVALUATIONS),
    )


def draw(chosen: Sequence[Lane], along: Along) -> None:
    """The button, the lanes of what was queued, and the verdict when all have ended."""
    runs = _runs()
    done = {run.spec.config.method for run in runs}
    left = [lane for lane in chosen if lane.method not in done]
    config = budget(chosen[0])
    values = {"reviews": f"{config.data.train_size:,}", "tokens": config.data.max_length, "held_out": HELD_OUT}
    st.caption(text("race", "live", **values, here=this_computer.link()))
    guessed = guess.ask(chosen, None)
    if left:
        words = label("race", "queue_all" if not runs else "queue_rest", n=len(left))
        if st.button(
            words, type="primary", key="race_queue", icon=":material/playlist_add:",
            disabled=not guessed.highest and not runs, help=None if guessed.highest else label("race", "guess_first"),
        ):  # fmt: skip
            st.session_state[ASKED] = {lane.key for lane in left}
            _submit(left)
            st.rerun()
    if note := st.session_state.pop("race taken", ""):
        st.info(escaped(note), icon=":material/info:")
    if not runs:
        return
    under_way = any(not run.status.finished for run in runs)

    @st.fragment(run_every=POLL if under_way else None)
    def watch() -> None:
        services.backend().reconcile()
        asked = [lane for lane in left if lane.key in st.session_state.get(ASKED, ())]
        if asked and _submit(asked):
            st.rerun()
        now = _runs()
        _show(now, chosen, along, guessed)
        if under_way and all(run.status.finished for run in now):
            services.listing.clear()
            st.rerun()

    watch()


def _runs() -> list[Run]:
    """The runs that the link names and that are still here."""
    found = []
    for run_id in dict.fromkeys(st.query_params.get_all(RUNS)):
        try:
            found.append(services.backend().store.read(run_id))
        except PeftClassroomError:  # deleted meanwhile, or no id
            continue
    return found


def _submit(left: Sequence[Lane]) -> int:
    """Queue one run a lane, as many as the queue takes; how many that were, and after the next drawing it is told.

    Of one visitor few may wait: the others follow as places become free, as long as the page is open.
    """
    taken, refused = list(dict.fromkeys(st.query_params.get_all(RUNS))), ""
    before = len(taken)
    for lane in left:
        spec = new_spec(budget(lane), services.owner())
        try:
            services.backend().submit(spec)
        except PeftClassroomError as error:
            refused = str(error)
            break
        taken.append(spec.id)
    if number := len(taken) - before:
        st.query_params[RUNS] = taken
        rest = label("race", "follow", n=len(left) - number) if number < len(left) else ""
        st.session_state["race taken"] = f"{label('race', 'taken', n=number, of=len(left))} {rest}".strip()
    elif not before:
        st.session_state["race taken"] = refused
    return number


def _show(runs: Sequence[Run], chosen: Sequence[Lane], along: Along, guessed: guess.Guess) -> None:
    """The lanes of what has been measured so far; of the others, how they stand."""
    keys = {lane.method: lane.key for lane in chosen}  # a guess names the setting
    found = [
        of_metrics(keys.get(run.spec.config.method, run.id), run.spec.config, services.backend().store.metrics(run.id))
        for run in runs
    ]
    known = [lane for lane in found if lane]
    for run, lane in zip(runs, found, strict=True):
        if lane is None:
            place = services.backend().queue_position(run.id)
            state = label("race", "waiting", place=place) if place else label("race", f"state_{run.status.state}")
            st.caption(f"{escaped(run.spec.name)}: {state}")
    if not known:
        return
    goal, end = mark(known), length(known, along)
    lanes.draw(known, along, end, goal)
    if all(run.status.finished for run in runs) and len(known) > 1:
        guess.tell(known, goal, along, guessed)
