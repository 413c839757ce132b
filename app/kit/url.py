"""Values that come with a link: impossible ones are moved to the nearest possible value, with a note.

Streamlit drops such values silently and shows the default; a class that follows a link should be told.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import streamlit as st
from streamlit.elements.lib.mutable_tab_container import TabContainer

from app.content import label

Number = int | float


def clamp(key: str, name: str, low: Number, high: Number, whole: bool = True) -> None:
    """Before the widget `key` is drawn: a number of the link outside [low, high] becomes the nearest inside."""
    kind = int if whole else float
    _correct(key, name, lambda asked: kind(min(max(asked, low), high)))


def nearest(key: str, name: str, options: Sequence[int]) -> None:
    """Before the select slider `key` is drawn: a number of the link that is no option becomes the nearest one."""
    _correct(key, name, lambda asked: min(options, key=lambda option: abs(option - asked)))


def _correct(key: str, name: str, possible: Callable[[float], Number]) -> None:
    """The note stays until the widget is moved: the page draws itself again on its own while libraries load.

    The number is the link's as long as the widget has none: a widget without bounds may have taken it already, or been
    given an impossible one since.
    """
    remembered = f"{key} note"
    if key in st.session_state and st.session_state[key] is None:  # a box that was emptied
        del st.session_state[key]
    given = st.session_state.get(key, st.query_params.get(key, "nan"))
    try:
        asked = float(given)
        used = possible(asked)
    except (ValueError, OverflowError):  # no number: streamlit shows the default
        return
    if asked != asked:  # "nan"
        return
    if key not in st.session_state or used != asked:
        st.session_state[key] = used  # also where it is possible: "1" is not how a list of 0.1 and 1.0 spells it
    if used != asked:
        st.session_state[remembered] = used, label("count", "clamped", name=name, asked=f"{asked:g}", used=f"{used:g}")
    kept, note = st.session_state.get(remembered, (None, ""))
    if note and kept == st.session_state[key]:
        st.info(note, icon=":material/info:")


def bounded_number(key: str, name: str, low: Number, high: Number, default: Number, **how: Any) -> Number:
    """A box for a number in [low, high], in the URL. One outside becomes the nearest inside, and a sentence says so.

    Streamlit's own bounds leave such a number red in the box, say nothing, and go on with the one before it. `clamp` is
    called before, in every run. `how` goes to `st.number_input`.
    """
    kind = type(default)
    number = st.number_input(name, value=default, key=key, bind="query-params", **{"step": kind(1)} | how)
    if number is None or not low <= number <= high:
        st.rerun()  # the link's, which the box has only now taken: `clamp` moves it, and says so
    return number


def tabs(key: str, names: Sequence[str], labels: Sequence[str]) -> dict[str, TabContainer]:
    """Tabs by name. The open one is in the URL by its name, whatever the language, and stays open on the next page.

    Not with `bind`: that would write what people read.
    """
    kept, start = f"{key} open", f"{key} at first"
    if key not in st.session_state:  # the page has just been opened; later on, another default would make other tabs
        asked = st.query_params.get(key, st.session_state.get(kept))
        st.session_state[start] = asked if asked in names else names[0]
    default = labels[names.index(st.session_state[start])]
    made = st.tabs(list(labels), default=default, key=key, on_change="rerun")
    now = next(name for name, tab in zip(names, made, strict=True) if tab.open)
    st.session_state[kept] = now  # the state of a widget ends with its page, this does not
    remember(key, now, default=names[0])
    return dict(zip(names, made, strict=True))


def from_link(key: str, options: Sequence[object], default: object) -> bool:
    """Before the widget `key` is drawn for the first time: the option that the link names, or the default.

    For widgets with a `format_func`, whose `bind` would write what people read; `remember` is the way back. True if the
    link has just chosen something.
    """
    if key in st.session_state:
        return False
    asked = st.query_params.get(key)
    found = next((option for option in options if str(option) == asked), None)
    st.session_state[key] = default if found is None else found
    return found is not None


def remember(key: str, value: str, default: str) -> None:
    """Write a value that is not a bound widget's into the URL; the default leaves it short."""
    if value == default:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != value:
        st.query_params[key] = value


def one_of(key: str, title: str, options: Mapping[str, str], untitled: bool = False) -> str:
    """One of a few options side by side, name → what people read; in the URL by its name, the first left out.

    `untitled`: the title is for screen readers alone.
    """
    first = next(iter(options))
    from_link(key, list(options), first)
    st.session_state[key] = st.session_state[key]  # what the same control said on the page before, it says here
    chosen = st.segmented_control(
        title, list(options), format_func=options.__getitem__, key=key, required=True,
        label_visibility="collapsed" if untitled else "visible",
    )  # fmt: skip
    remember(key, chosen, default=first)
    return chosen


def pick(
    key: str,
    title: str,
    options: Sequence[Hashable],
    default: Hashable,
    written: Callable[[Hashable], str],
    always: bool = False,
) -> Hashable:
    """A selectbox whose choice is in the URL by its id. What a link asks for in vain becomes the default: see `notes`.

    Not with `bind`, which would write what people read. `always`: the default is written too, where it is another one
    for another visitor.
    """
    in_vain = f"{key} in vain"
    if key not in st.session_state:
        asked = st.query_params.get(key)
        found = [option for option in options if str(option) == asked]
        st.session_state[key] = found[0] if found else default
        st.session_state[in_vain] = asked is not None and not found
    elif st.session_state[key] not in options:  # other settings, another base, fewer words
        st.session_state[key] = default
    st.session_state[key] = st.session_state[key]  # the browser keeps showing the old words of an option otherwise
    chosen = st.selectbox(title, options, format_func=written, key=key, on_change=_forget, args=(in_vain,))
    remember(key, str(chosen), default="" if always else str(default))
    return chosen


def _forget(key: str) -> None:
    st.session_state[key] = False
