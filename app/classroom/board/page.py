"""The class board: every run of the class on one chart, as an experiment. For the teacher, or who runs the server."""

from functools import partial

import streamlit as st

from app import services
from app.classroom.board import chart, download, told
from app.classroom.board.gathered import gathered
from app.content import label, text
from app.kit import saving, url
from peft_core.report.experiments.class_runs import Group, fit, groups

POLL_SECONDS = 2.0
SPLITS = ("test", "validation")


def draw() -> None:
    """The board. While a run waits or trains it is drawn again by itself."""
    st.markdown(text("board", "lead"))
    under_way = gathered().under_way

    @st.fragment(run_every=POLL_SECONDS if under_way else None)
    def watch() -> None:
        if not services.is_operator():  # the day is over, or the teacher has left in another tab
            st.rerun()
        if board() is not under_way:
            st.rerun()

    watch()


def board() -> bool:
    """What there is now; whether more comes by itself."""
    now = gathered()
    found = groups(now.runs)
    if not found:
        st.info(text("board", "empty", waiting=now.waiting), icon=":material/hourglass_empty:")
        return now.under_way
    left, middle, right = st.columns([6, 3, 3], vertical_alignment="bottom")
    with left:
        group = _choose(found)
    with middle:
        along = url.one_of("along", label("board", "along"), told.axes(group))
    with right:
        split = url.one_of("of", label("board", "of"), {name: label("board", f"of_{name}") for name in SPLITS})
    line = fit(group, along, split)
    chart.draw(found, group, line, along, split)
    st.markdown(told.sentence(group, line, along, split))
    st.caption(" ".join(filter(None, (told.left_out(now, found, group, line), text("board", "reading")))))
    table = partial(download.as_csv, found, group, line)
    saving.button(label("board", "csv"), table, "class-board.csv", "text/csv", key="board_csv")
    return now.under_way


def _choose(found: tuple[Group, ...]) -> Group:
    """The experiment that the line is of."""
    by_key, names = {group.key: group for group in found}, told.titles(found)

    def named(key: str) -> str:
        return label("board", "with_runs", name=names[key], n=len(by_key[key].runs))

    return by_key[url.pick("experiment", label("board", "choose"), list(by_key), found[0].key, named)]


draw()
