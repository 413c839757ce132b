"""Step and accuracy of the moment that is shown, and where in the run it is.

A fragment in that of the scrubber: while a moment is asked the validation reviews, this draws itself again, alone.
"""

from collections.abc import Sequence

import streamlit as st

from app.content import text
from app.kit.plain import escaped
from app.method.inside import curve, later, scrubber
from app.method.inside.runs import Filmed
from peft_core.errors import PeftClassroomError
from peft_core.training.snapshots.moments import Moment

SECONDS = 0.1  # between two drawings, while reviews are missing
IN_VAIN = "inside in vain"  # session state: (run, step, why) of the moment that could not be asked last


def draw(run: Filmed, moments: Sequence[Moment], shown: Moment) -> None:
    """The accuracy follows where somebody stands still; a run under way keeps its cores."""
    in_vain = st.session_state.get(IN_VAIN, ())[:2] == (run.id, shown.step)
    waiting = later.between(shown) and not (
        later.asked(run, shown).whole or in_vain or scrubber.playing() or run.under_way()
    )

    @st.fragment(run_every=SECONDS if waiting else None)
    def here() -> None:
        if waiting:
            try:
                later.go_on(run, moments[0], shown)
            except PeftClassroomError as error:
                st.session_state[IN_VAIN] = (run.id, shown.step, str(error))
                st.rerun()
        _show(run, moments, shown, waiting)
        if in_vain:
            st.caption(escaped(st.session_state[IN_VAIN][2]))
        if waiting and later.asked(run, shown).whole:
            st.rerun()

    here()


def _show(run: Filmed, moments: Sequence[Moment], shown: Moment, waiting: bool) -> None:
    """Of how many reviews it is, and beside it the curve."""
    known = later.known(run, moments)
    when = "now" if shown.measured_at == shown.step else "later" if shown.step in known else "before"
    at, m = (shown.step, known[shown.step]) if when == "later" else (shown.measured_at, shown.measured)
    left, right = st.columns(2, vertical_alignment="center")
    with left, st.container(gap="xxsmall", key="inside_where"):
        values = {"step": shown.step, "steps": shown.planned_steps, "at": at, "accuracy": f"{m.accuracy:.1%}"}
        st.markdown(text("inside", "measured_before" if when == "before" else "measured_now", **values))
        values |= {"n": f"{m.n:,}", "low": f"{m.low:.1%}", "high": f"{m.high:.1%}"}
        done = later.asked(run, shown).reviews
        st.caption(text("inside", "interval_waiting" if waiting else f"interval_{when}", done=done, **values))
    with right:
        curve.draw(moments, known, shown, (at, m))
