"""The report, screen by screen: one idea each, and what it says when it is worked out. The screen is in the URL."""

import streamlit as st

from app.compare.report import digits, endings, layers, masked, over_ours, slips, tree
from app.content import label, text
from app.kit import url, visit

SCREENS = {
    "curves": over_ours.draw,
    "last": endings.draw_last,
    "rising": endings.draw_rising,
    "tree": tree.draw,
    "mask": masked.draw,
    "targets": layers.draw_targets,
    "starts": layers.draw_starts,
    "slips": slips.draw,
    "ties": digits.draw_ties,
    "digits": digits.draw_digits,
}
KEY = "screen"


def draw() -> None:
    """Which screen, Back and Next, its claim, and the screen."""
    names = list(SCREENS)
    choice, buttons = st.columns([7, 2], vertical_alignment="bottom")
    with choice:
        screen = url.pick(KEY, label("report", "screen"), names, names[0], _title)
    at = names.index(screen)
    with buttons.container(horizontal=True, horizontal_alignment="right", key="report_navigation"):
        for way, to, shortcut in (("back", at - 1, "left"), ("next", at + 1, "right")):
            inside = 0 <= to < len(names)
            st.button(
                label("report", way), key=f"report_{way}", shortcut=visit.arrow(shortcut),
                disabled=not inside, on_click=_go,
                type="primary" if way == "next" else "secondary", args=(names[to] if inside else screen,),
            )  # fmt: skip
    if st.session_state.get(f"{KEY} in vain"):
        st.info(label("report", "unknown"), icon=":material/info:")
    st.markdown(text("report", screen))
    SCREENS[screen]()


def _title(screen: str) -> str:
    return label(
        "report", "numbered", n=list(SCREENS).index(screen) + 1, of=len(SCREENS), title=label("report", screen)
    )


def _go(screen: str) -> None:
    st.session_state[KEY] = screen
    st.session_state[f"{KEY} in vain"] = False
