"""Values that come with a link: impossible ones are moved to the nearest possible value, with a note.

Streamlit drops such values silently and shows the default; a class that follows a link should be told.

On Back and Forward the address is right, whatever the page showed before. Streamlit does so for widgets that it binds
to the address itself; for those that are kept there by name, `to_be_read` says when.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import streamlit as st
from streamlit.elements.lib.mutable_tab_container import TabContainer
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.content import label
from app.kit.plain import escaped

Number = int | float
MOST_TOLD = 40  # characters of what a link asks for in vain


def went_back_or_forward() -> bool:
    """Whether this run is because of the browser's Back or Forward."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def to_be_read(key: str) -> bool:
    """Whether the address says what the widget `key` is to show: it is new on the page, or somebody went Back."""
    return key not in st.session_state or went_back_or_forward()


def told(key: str, name: str, asked: str | None, options: Sequence[object], default: str) -> None:
    """A sentence for what a link asks for and is not here, until the widget is moved. `default`: what is shown.

    The words of a link are anybody's: they are shortened and shown as they are.
    """
    remembered = f"{key} not here"
    if to_be_read(key):
        unknown = asked is not None and asked not in map(str, options)
        st.session_state[remembered] = (asked, None) if unknown else None
    elif kept := st.session_state.get(remembered):
        unknown, shown = kept
        now = st.session_state[key]
        st.session_state[remembered] = (unknown, now) if shown in (None, now) else None
    if kept := st.session_state.get(remembered):
        words = {"name": name, "asked": escaped(kept[0][:MOST_TOLD]), "used": default}
        st.info(label("app", "not_here", **words), icon=":material/info:")


def known(key: str, name: str, options: Sequence[str], default: str) -> None:
    """Before the bound widget `key` is drawn: says so where the link asks for none of its options.

    Streamlit drops the value and shows the default; what it drops it takes out of the address, too.
    """
    told(key, name, st.query_params.get(key), options, default)


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
    linked = to_be_read(key)
    given = st.query_params.get(key, "nan") if linked else st.session_state[key]
    try:
        asked = float(given)
        used = possible(asked)
    except (ValueError, OverflowError):  # no number: streamlit shows the default
        return
    if asked != asked:  # "nan"
        return
    if used != asked:
        st.session_state[remembered] = used, label("count", "clamped", name=name, asked=f"{asked:g}", used=f"{used:g}")
        if linked:  # the address says what is shown; once drawn, the widget is bound to it
            st.query_params[key] = str(used)
            st.rerun()
    if linked or used != asked:
        st.session_state[key] = used  # also where it is possible: "1" is not how a list of 0.1 and 1.0 spells it
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
    linked = st.query_params.get(key)
    told(key, label("app", "tab"), linked, names, labels[0])
    if went_back_or_forward():
        st.session_state[kept] = names[0]
    asked = linked or st.session_state.get(kept)
    asked = asked if asked in names else names[0]
    if key not in st.session_state:  # the page has just been opened; later on, another default would make other tabs
        st.session_state[start] = asked
    elif went_back_or_forward():
        st.session_state[key] = labels[names.index(asked)]
    default = labels[names.index(st.session_state[start])]
    made = st.tabs(list(labels), default=default, key=key, on_change="rerun")
    now = next(name for name, tab in zip(names, made, strict=True) if tab.open)
    st.session_state[kept] = now  # the state of a widget ends with its page, this does not
    remember(key, now, default=names[0])
    return dict(zip(names, made, strict=True))


def from_link(key: str, options: Sequence[object], default: object) -> bool:
    """Before the widget `key` is drawn for the first time, or after Back: the option of the link, or the default.

    For widgets with a `format_func`, whose `bind` would write what people read; `remember` is the way back. True if the
    link has just chosen something.
    """
    if not to_be_read(key):
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
    told(key, title, st.query_params.get(key), list(options), options[first])
    from_link(key, list(options), first)
    said = st.session_state[key]  # what the same control said on the page before, it says here, if it can
    st.session_state[key] = said if said in options else first
    chosen = st.segmented_control(
        title, list(options), format_func=options.__getitem__, key=key, required=True,
        label_visibility="collapsed" if untitled else "visible",
    )  # fmt: skip
    remember(key, chosen, default=first)
    return chosen


def screen_of(key: str, title: str, options: Mapping[str, str], untitled: bool = True) -> str:
    """One of the screens of a section, as `one_of`: for a projector arrow keys go through them."""
    with st.container(key=f"screens_{key}"):
        return one_of(key, title, options, untitled)


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
    if to_be_read(key):
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
