"""How long changing the customer takes: as it was recorded, and on this server when somebody presses a button."""

import streamlit as st

from app import services
from app.content import label, text
from app.kit.formats import duration
from app.kit.machine.measured_on import measured_on
from app.kit.plain import escaped
from peft_core.errors import PeftClassroomError
from peft_core.report.costs.swap import SwapReport, Times, load_swap

HERE = "swap measured here"  # session state: Times, as soon as somebody has pressed


def times() -> tuple[Times, SwapReport]:
    """What is shown now, and what was recorded.

    Raises:
        PeftClassroomError: if the record is missing or damaged.
    """
    report = load_swap()
    return st.session_state.get(HERE, report.times), report


def values(found: Times) -> dict[str, object]:
    """What the sentences say of it."""
    said: dict[str, object] = {"n": len(found.small), "checkpoints": len(found.checkpoints)}
    for kind, prefix, name in (("small", "swap", "swap"), ("whole", "whole", "whole_swap")):
        middle, low, high = map(duration, found.range_of(kind))
        said |= {name: middle, f"{prefix}_low": low, f"{prefix}_high": high}
    return said


def draw(found: Times, report: SwapReport) -> None:
    """The button, and where the times come from."""
    ready = services.libraries().ready.is_set() and not services.libraries().error
    button, words = st.columns([1, 6], vertical_alignment="center")
    button.button(
        label("home", "swap"), key="swap", icon=":material/swap_horiz:", disabled=not ready, on_click=_measure,
        args=(report.times.base,),
    )  # fmt: skip
    with words:
        if found is report.times:
            st.caption(f"{text('home', 'swap_recorded', **values(found))} {measured_on(report.provenance)}")
        else:
            st.caption(text("home", "swap_measured", seconds=services.SWAP_SECONDS, **values(found)))
    if why := st.session_state.pop("swap refused", ""):
        st.warning(escaped(why), icon=":material/info:")


def _measure(base: str) -> None:
    try:
        st.session_state[HERE] = services.measured_swaps(base)
    except PeftClassroomError as error:
        st.session_state["swap refused"] = str(error)
