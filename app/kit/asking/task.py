"""Which task's checkpoints are asked: one at a time, for the answers of two have nothing to do with each other."""

from collections.abc import Mapping

import streamlit as st

from app import services
from app.content import label
from app.kit import url
from peft_core.reviews.config import REVIEWS, Learned

KEY, SHOWN = "task", "task shown"  # in the URL; session state: the one whose checkpoints the page shows


def choose(found: Mapping[str, Learned] | None = None) -> str:
    """The task's key. A choice, which is in the URL, where there are several; names hold no user text.

    A link that names only a checkpoint means its task. Another task that somebody chooses has other checkpoints.

    Args:
        found: the tasks by their keys, the first as long as none is chosen; None: all that there are checkpoints of.
    """
    found = services.tasks() if found is None else found
    if len(found) < 2:
        return next(iter(found), REVIEWS.task_key)
    if KEY not in st.session_state and KEY not in st.query_params:
        asked = st.query_params.get_all("checkpoint")
        meant = [key for key in found if any(info.name in asked for info in services.askable(key))]
        if meant:
            st.query_params[KEY] = meant[0]
    linked = url.to_be_read(KEY)
    chosen = url.pick(KEY, label("task", "title"), list(found), next(iter(found)), lambda key: _title(found[key]))
    if not linked and st.session_state.get(SHOWN) != chosen:  # other checkpoints, and none of the link's
        st.session_state.pop("checkpoint", None)
        st.query_params.pop("checkpoint", None)
    st.session_state[SHOWN] = chosen
    return chosen


def _title(learned: Learned) -> str:
    """Own texts by their digest: their classes' names are somebody's words, and this list is everybody's."""
    name = label("task", learned.task)
    return f"{name} · {learned.own.sha256[:8]}" if learned.own else name
