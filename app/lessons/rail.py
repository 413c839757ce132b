"""The rail: the stop of a lesson above the page that it shows. Drawn by the router, before the page.

The address says which lesson and stop. What a class moves on the page leaves it there; on another page a link in the
sidebar leads back.
"""

import time

import streamlit as st

from app import services
from app.content import label, marked
from app.content.lessons import LESSON, STOP, Lesson, Stop, find
from app.kit import present, visit
from app.kit.live import ask_class
from app.kit.pages import addresses
from app.kit.plain import escaped
from app.kit.visit import Link

LEFT_AT, BEGAN, SEEN = "lesson left at", "lesson began", "lesson stop seen"  # session state
MOST_TOLD = 40  # characters of what a link asks for in vain


def draw() -> None:
    """The stop that the address names; elsewhere, the way back to the one that was shown last."""
    asked = st.query_params.get(LESSON)
    if asked is None:
        _way_back()
        return
    lessons, faults = find(addresses())
    lesson = lessons.get(asked)
    if lesson is None:
        for fault in faults:
            if fault.startswith(label("lesson_faults", "file", file=asked)):  # it is there, and broken
                st.error(escaped(fault), icon=":material/error:")
                return
        known = ", ".join(escaped(one.title) for one in lessons.values())
        st.info(label("lessons", "unknown", asked=_short(asked), known=known), icon=":material/info:")
        visit.links("rail_all", Link(label("lessons", "all"), "lessons"), name=label("lessons", "all"))
        return
    number = _number(lesson)
    st.session_state[LEFT_AT] = lesson.name, number
    _style()
    with st.container(key="rail", border=True):
        _rail(lesson, number)


def _number(lesson: Lesson) -> int:
    """The stop of the address, from 1; the nearest one, and a sentence, where there is no such stop."""
    asked, last = st.query_params.get(STOP, "1"), len(lesson.stops)
    try:
        wanted = int(asked) if len(asked) < 9 else last
    except ValueError:
        wanted = 0
    number = min(max(wanted, 1), last)
    if number != wanted:
        told = {"asked": _short(asked), "stop": number, "again": label("lessons", "again_sign")}
        st.info(label("lessons", "no_stop", **told), icon=":material/info:")
    return number


def _short(asked: str) -> str:
    """The words of a link are anybody's: shortened, and letter for letter."""
    return escaped(asked[:MOST_TOLD])


def _rail(lesson: Lesson, number: int) -> None:
    """Where one is and the way on; what is said; what is asked."""
    stop = lesson.stops[number - 1]
    where, said, asked = st.columns([6, 9, 8], gap="small")
    with where.container(key="rail_where", gap="xsmall"):
        place = {"title": lesson.title, "stop": number, "of": len(lesson.stops)}
        st.markdown(label("lessons", "place", **place))
        _turn(lesson, number)
        st.caption(_clock(lesson, number))
    with said.container(key="rail_text"):
        end = "" if stop.heading[-1] in ".!?…" else "."
        st.markdown(f"**{marked(stop.heading)}{end}** {marked(stop.text)}")
    with asked.container(key="rail_question", gap="xsmall"):
        st.markdown(f"**{marked(stop.ask)}**")
        with st.container(horizontal=True, gap="small", key="rail_folded"):
            _folded(stop, number)


def _folded(stop: Stop, number: int) -> None:
    """What to expect, a vote, and the teacher's note; another stop has folds of its own, which are closed."""
    with st.popover(label("lessons", "expect"), key=f"rail_expect_{number}"):
        st.markdown(marked(stop.expect))
    if stop.ballot:
        ask_class.button(f"rail_ask_{number}", stop.ballot, stop.page or "home")
    if stop.note and sees_notes() and not present.on():
        with st.popover(label("lessons", "note"), key=f"rail_note_{number}"):
            st.markdown(marked(stop.note))


def sees_notes() -> bool:
    """Whether notes are for whoever sits here: on a server with a teacher, for the teacher alone."""
    return not services.has_teacher() or services.is_teacher()


def _turn(lesson: Lesson, number: int) -> None:
    """Back, on, and this stop as it was: by click, by arrow keys, and with what presenters hold in their hands."""
    shown, last = present.on(), len(lesson.stops)
    forward, back = ("ArrowRight", "PageDown"), ("ArrowLeft", "PageUp")
    keys = 2 if shown else 1  # a page that scrolls is left its own
    visit.links(
        "rail_turn",
        Link(label("lessons", "back"), lesson.address(number - 1, shown) if number > 1 else None, keys=back[:keys]),
        Link(
            label("lessons", "next" if number < last else "finish"),
            lesson.address(number + 1, shown) if number < last else "lessons",
            primary=True,
            keys=forward[:keys] if number < last else (),
        ),
        Link(label("lessons", "again_sign"), lesson.address(number, shown), name=label("lessons", "again")),
        name=label("lessons", "rail", title=lesson.title, stop=number, of=last),
        here=lesson.address(number, shown),
    )


def _clock(lesson: Lesson, number: int) -> str:
    """Minutes planned up to the end of this stop beside those gone, which count from the first stop on."""
    now = time.monotonic()
    whose, began = st.session_state.get(BEGAN, ("", now))
    if whose != lesson.name or (number == 1 and st.session_state.get(SEEN) != 1):
        began = now - 60 * lesson.before(number)  # who comes in later is on time
        st.session_state[BEGAN] = lesson.name, began
    st.session_state[SEEN] = number
    told = {"planned": f"{lesson.before(number + 1):g}", "minutes": f"{lesson.minutes:g}"}
    return label("lessons", "clock", **told, gone=f"{(now - began) / 60:.0f}")


def _way_back() -> None:
    """In the sidebar, until the lesson is over."""
    name, number = st.session_state.get(LEFT_AT, ("", 0))
    lesson = find(addresses())[0].get(name)
    if lesson is None or number >= len(lesson.stops):
        return
    words = label("lessons", "way_back", stop=number)
    with st.sidebar:
        visit.links("rail_way_back", Link(words, lesson.address(number)), name=lesson.title)


def _style() -> None:
    """A strip above the page; for the last row, large letters in little room."""
    rules = ".st-key-rail { padding: 0.6rem 0.9rem; } .st-key-rail p { margin-bottom: 0; }"
    rules += " .st-key-rail [data-testid='stMarkdownContainer'] { margin-bottom: 0; }"
    rules += " .st-key-rail [data-testid='stCaptionContainer'] { margin-bottom: 0; }"
    rules += " @media (max-width: 799px) { .st-key-rail { margin-top: 1.5rem; } }"  # below Streamlit's own strip
    if present.on():
        rules += " .st-key-rail { padding: 4px 12px; } .st-key-rail :is(p, button, button p) { font-size: 18px;"
        rules += " line-height: 1.25; } .st-key-rail_where [data-testid='stCaptionContainer'] { display: none; }"
        rules += " .st-key-rail_turn, [data-testid='stPopoverBody'] p { font-size: 18px; }"
    st.html(f"<style>{rules}</style>")
