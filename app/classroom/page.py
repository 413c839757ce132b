"""The teacher's page: all runs of the class and what can be done about them. Drawn for whoever gave the key alone."""

import os

import streamlit as st

from app import services
from app.classroom import orders, table
from app.content import label
from app.kit.plain import escaped
from peft_core.training.runs import Run

POLL_SECONDS = 2.0


def draw() -> None:
    """The line, what is ordered for it, the runs. While something is under way it is drawn again by itself."""
    st.markdown(f"# {escaped(os.environ.get('PEFT_CLASS') or label('navigation', 'classroom'))}")
    under_way = any(not run.status.finished for run in services.backend().store.list())

    @st.fragment(run_every=POLL_SECONDS if under_way else None)
    def watch() -> None:
        if not services.is_teacher():  # the day is over, or the teacher has left in another tab
            st.rerun()
        runs = services.backend().store.list()
        with st.container(horizontal=True, vertical_alignment="center", key="class_line"):
            _line(runs)
            orders.draw()
        if trouble := services.backend().trouble:
            st.error(escaped(trouble), icon=":material/error:")
        if why := st.session_state.pop("class refused", ""):
            st.error(escaped(why), icon=":material/error:")
        damaged = services.backend().store.damaged()
        if runs or damaged:
            table.draw(runs, damaged)
        else:
            st.info(label("class", "none"), icon=":material/hourglass_empty:")
        if under_way is not any(not run.status.finished for run in runs):
            st.rerun()

    watch()


def _line(runs: list[Run]) -> None:
    """How many wait and train, and the disk."""
    training = sum(run.status.active for run in runs)
    waiting = sum(run.status.queued for run in runs)
    backend = services.backend()
    at_once, free = backend.orders().at_once(backend.max_running), services.free_disk()
    words = label("class", "line", training=training, at_once=at_once, waiting=waiting)
    if free is not None:
        words += " " + label("class", "disk", free=f"{free / 1e9:,.0f}")
    st.markdown(words, width="stretch")


draw()
