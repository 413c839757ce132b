"""What the teacher orders for all runs: the line paused or not, smaller limits, and to leave."""

import logging

import streamlit as st

from app import services
from app.content import label
from peft_core.errors import PeftClassroomError
from peft_core.training.runs import Orders, write_orders

_log = logging.getLogger("peft_core.serving")


def draw() -> None:
    """Three buttons side by side."""
    now = services.backend().orders()
    word, icon, kind = ("go_on", "play_arrow", "primary") if now.paused else ("pause", "pause", "secondary")
    st.button(
        label("class", word), key="class_pause", type=kind, icon=f":material/{icon}:", on_click=order,
        kwargs={"paused": not now.paused},
    )  # fmt: skip
    with st.popover(label("class", "limits"), icon=":material/tune:", key="class_limits"):
        _limits(now)
    st.button(label("class", "leave"), key="class_leave", type="tertiary", icon=":material/logout:", on_click=_leave)


def order(**changes: object) -> None:
    """Change what is ordered; where that cannot be kept, the next drawing says why."""
    if not services.is_teacher():
        return
    store = services.backend().store
    try:
        now = services.backend().orders()
        write_orders(store.root, Orders(**dict(now) | changes))
    except PeftClassroomError as error:
        st.session_state["class refused"] = str(error)
        return
    _log.info("order", extra={"fields": changes})


def _limits(now: Orders) -> None:
    """A number for each limit, from the smallest to what the server was started with."""
    backend = services.backend()
    limits = {
        "max_running": (1, backend.max_running, now.max_running),
        "max_queued_per_owner": (0, backend.max_queued_per_owner, now.max_queued_per_owner),
        "max_seconds": (60, int(backend.limits.max_seconds), now.max_seconds),
    }
    for name, (low, high, ordered) in limits.items():
        high = max(low, high)  # of a cluster that does not answer there are no places at all
        value = min(high, int(high if ordered is None else ordered))
        st.number_input(
            label("class", name), low, high, value, key=f"class_{name}", on_change=_ordered, args=(name, high),
            help=label("class", "most", high=f"{high:,}"),
        )  # fmt: skip


def _ordered(name: str, of_server: int) -> None:
    """The server's own number is no order: a server that is started with more allows more."""
    number = st.session_state[f"class_{name}"]
    order(**{name: None if number >= of_server else number})


def _leave() -> None:
    services.leave()
    _log.info("left")
