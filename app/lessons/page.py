"""Lessons: which there are, each with its first stop; or one whole, to be read or printed beside the projector."""

import streamlit as st

from app.content import label, marked, text
from app.content.lessons import Lesson, find
from app.kit import url, visit
from app.kit.pages import addresses
from app.kit.plain import escaped
from app.kit.visit import Link
from app.lessons import rail

READ = "read"  # in the URL: the lesson that is shown whole


def listed(lessons: dict[str, Lesson], faults: list[str]) -> None:
    """A card a lesson; what is wrong with a file, with its line."""
    st.markdown(text("lessons", "lead"))
    for lesson in lessons.values():
        with st.container(border=True):
            said, ways = st.columns([3, 2], vertical_alignment="center")
            said.markdown(f"## {escaped(lesson.title)}")
            said.markdown(label("lessons", "for", audience=marked(lesson.audience)))
            said.caption(label("lessons", "count", stops=len(lesson.stops), minutes=f"{lesson.minutes:g}"))
            with ways:
                _ways(lesson)
    for fault in faults:
        st.error(escaped(fault), icon=":material/error:")
    st.caption(text("lessons", "own"))


def _ways(lesson: Lesson) -> None:
    names = {name: label("lessons", f"{name}_name", title=lesson.title) for name in ("start", "project", "read")}
    visit.links(
        f"lesson_{lesson.name}",
        Link(label("lessons", "start"), lesson.address(1), primary=True, name=names["start"]),
        Link(label("lessons", "project"), lesson.address(1, present=True), name=names["project"]),
        Link(label("lessons", "read"), f"lessons?{READ}={lesson.name}", name=names["read"]),
        name=lesson.title,
    )


def whole(lesson: Lesson) -> None:
    """Every stop with its minutes; answers and notes for the teacher."""
    st.markdown(f"# {escaped(lesson.title)}")
    st.markdown(label("lessons", "for", audience=marked(lesson.audience)))
    visit.links("lesson_all", Link(label("lessons", "all"), "lessons"), name=label("lessons", "all"))
    if not rail.sees_notes():
        st.info(label("lessons", "for_the_teacher"), icon=":material/info:")
    for number, stop in enumerate(lesson.stops, 1):
        st.markdown(f"## {number} · {marked(stop.heading)}")
        told = {"minutes": f"{stop.minutes:g}", "to": f"{lesson.before(number + 1):g}", "of": f"{lesson.minutes:g}"}
        st.caption(label("lessons", "running", **told))
        st.markdown(marked(stop.text))
        st.markdown(label("lessons", "ask_title", ask=marked(stop.ask)))
        if stop.ballot:
            st.markdown("\n".join(f"- {option}" for option in stop.ballot.options))
        if rail.sees_notes():
            st.markdown(label("lessons", "expect_title", expect=marked(stop.expect)))
            if stop.note:
                st.markdown(label("lessons", "note_title", note=marked(stop.note)))
        name = label("lessons", "open_name", stop=number, heading=stop.heading)
        visit.links(
            f"lesson_open_{number}", Link(label("lessons", "open"), lesson.address(number), name=name), name=name
        )


lessons, faults = find(addresses())
asked = st.query_params.get(READ)
url.told("lesson_read", label("navigation", "lessons"), asked, list(lessons), label("lessons", "all"))
if asked in lessons:
    whole(lessons[asked])
else:
    listed(lessons, faults)
