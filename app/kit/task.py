"""Which task's checkpoints are asked: one at a time, for the answers of two have nothing to do with each other."""

import streamlit as st

from app import services
from app.content import label
from app.kit import url
from peft_core.reviews.config import REVIEWS, Learned


def choose() -> str:
    """The task's key. A choice, which is in the URL, where there are checkpoints of several; names hold no user text.

    A link that names only a checkpoint means its task.
    """
    found = services.tasks()
    if len(found) < 2:
        return next(iter(found), REVIEWS.task_key)
    if "task" not in st.session_state and "task" not in st.query_params:
        asked = st.query_params.get_all("checkpoint")
        meant = [key for key in found if any(info.name in asked for info in services.askable(key))]
        if meant:
            st.query_params["task"] = meant[0]
    chosen = url.pick("task", label("task", "title"), list(found), next(iter(found)), lambda key: _title(found[key]))
    if st.session_state.setdefault("task shown", chosen) != chosen:  # other checkpoints, and none of the link's
        st.session_state["task shown"] = chosen
        st.session_state.pop("checkpoint", None)
        st.query_params.pop("checkpoint", None)
    return chosen


def _title(learned: Learned) -> str:
    """Own texts by their digest: their classes' names are somebody's words, and this list is everybody's."""
    name = label("task", learned.task)
    return f"{name} · {learned.own.sha256[:8]}" if learned.own else name
