"""Presenter mode: a page for the last row of a classroom, by `present=1` in the address, the key p, or a button.

The page is enlarged, and what lies around its content is taken away: `look.css`. `deck.js` shows one screen at a time,
each with one figure at most; the one that `figure` in the address names. Nothing is smaller than 18 pixels then: 13 of
a chart or a text are `ENLARGED` times as large on the screen.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from app.content import label
from app.kit import url

KEY, FIGURE = "present", "figure"
KEPT = "presenting"  # session state: links within the app lead to addresses that do not say it
ENLARGED = 1.42
AS_HIGH = "as high as it is"  # in the `usermeta` of a chart whose rows are numbers of its own
LEGEND_ROW = 26  # pixels, with a share of the gap above
HIGHEST, HIGHEST_IN_A_LESSON = 195, 150  # pixels of a chart before it is enlarged: its sentence fits beside it then

_BESIDE = ".st-key-presenter { position: absolute; }"  # its button takes no room
_HERE = Path(__file__).parent
_SIGNS = {  # drawn: a font may lack them
    "toggle": "M3 4h18v12H3zM8 20h8M12 16v4",
    "leave": "M5 5l14 14M19 5L5 19",
    "back": "M15 5l-7 7 7 7",
    "on": "M9 5l7 7-7 7",
}


def _button(name: str) -> str:
    sign = f'<svg viewBox="0 0 24 24" aria-hidden="true"><path d="{_SIGNS[name]}"/></svg>'
    return f'<button type="button" id="{name}">{sign}</button>'


_HTML = f"""
{_button("toggle")}
<footer>
{_button("leave")}<span id="name"></span>{_button("back")}<span id="place" role="status"></span>{_button("on")}
</footer>
"""


def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


_deck = st.components.v2.component("presenter", html=_HTML, css=_file("bar.css"), js=_file("deck.js"))


def on() -> bool:
    """Whether this page is shown for the last row."""
    return st.query_params.get(KEY) == "1"


def draw() -> None:
    """Before the page: settle whether it is presented, and put its button or its bar there.

    An address that says no, `present=0`, is that of a screen which is large by itself: the mode comes back after it.
    """
    if url.to_be_read(KEPT):  # later on an address may be that of the run before
        st.session_state[KEPT] = on()
    _write(st.session_state[KEPT] and st.query_params.get(KEY) != "0")
    look = _file("look.css").replace("ENLARGED", str(ENLARGED)) if on() else _BESIDE
    st.html(f"<style>{look}</style>")
    words = {name: label("present", name) for name in _SIGNS}
    _deck(key="presenter", data={"on": on(), "lesson": _in_a_lesson(), "words": words}, on_toggle_change=_toggle)


def highest() -> int | None:
    """The most pixels of a chart, if the page is presented."""
    if not on():
        return None
    return HIGHEST_IN_A_LESSON if _in_a_lesson() else HIGHEST


def lowered(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The specification of a chart; of a presented one, as it fits on a screen.

    Rows that have names keep their height, and so do pictures, which have no scale, and what says `AS_HIGH`. Always
    drawn as shapes: an enlarged bitmap is blurred, and its marks are not where the mouse points.
    """
    if (most := highest()) is None:
        return dict(spec)
    usual = spec.get("usermeta", {})
    options = {"embedOptions": usual.get("embedOptions", {}) | {"renderer": "svg"}}
    changed = {"usermeta": usual | options}
    height = spec.get("height")
    if isinstance(height, int | float) and not usual.get(AS_HIGH) and not _is_fixed(spec):
        changed["height"] = min(height, most + _legend(spec))
    return {**spec, **changed}


def _is_fixed(part: Mapping[str, Any]) -> bool:
    """Whether the vertical axis of a chart, or of one of its layers, has names or pixels instead of numbers."""
    y = part.get("encoding", {}).get("y", {})
    names, pixels = y.get("type") in ("nominal", "ordinal"), y.get("scale", "") is None
    return names or pixels or any(_is_fixed(layer) for layer in part.get("layer", ()))


def _legend(part: Mapping[str, Any]) -> int:
    """Pixels of the highest legend below a chart or one of its layers: they are part of its height."""
    found = [_legend(layer) for layer in part.get("layer", ())]
    for channel in part.get("encoding", {}).values():
        told = channel.get("legend") if isinstance(channel, Mapping) else None
        if told and told.get("orient") == "bottom":
            names = (channel.get("scale") or {}).get("domain") or ()
            columns = told.get("columns") or max(len(names), 1)
            found.append(LEGEND_ROW * (1 + max(len(names) - 1, 0) // columns))
    return max(found, default=0)


def _in_a_lesson() -> bool:
    return "lesson" in st.query_params


def _toggle() -> None:
    st.session_state[KEPT] = not on()
    _write(st.session_state[KEPT])


def _write(presenting: bool) -> None:
    """The address says what is shown."""
    if presenting != on():
        st.query_params.pop(KEY, None)
        if presenting:
            st.query_params[KEY] = "1"
    if not presenting and FIGURE in st.query_params:
        del st.query_params[FIGURE]
