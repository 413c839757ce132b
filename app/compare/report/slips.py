"""Find the slip: the report's hand calculations as transcribed; a choice a line, checked by working the line out."""

import streamlit as st

from app.compare import shared
from app.content import label, text
from app.kit.pages import page_for, script_of
from peft_core.report.reread.hand_lines import FAULTS, Calculation, HandLine, calculations

CHECKED = "slips checked"  # session state: {calculation: {line: the choice}}; nothing is stored, nobody is graded


def draw() -> None:
    """Which calculation, its lines with a choice each, then what each says and the right lines."""
    every = {one.name: one for one in calculations()}
    found = every[shared.choose("calculation", label("report", "calculation"), tuple(every), "calculation", "report")]
    answers = st.session_state.setdefault(CHECKED, {})
    if found.name not in answers:
        _ask(found)
        return
    for number, line in enumerate(found.lines, 1):
        _answer(number, line, answers[found.name].get(line.name))
    right = [line.fault == answers[found.name].get(line.name) for line in found.lines]
    st.markdown(label("report", "slips_found", n=sum(right), of=len(right)))
    told = {"total": f"{found.total:,}", "printed": f"{found.printed:,}", "last": f"{found.lines[-1].quoted.written:,}"}
    st.markdown(text("report", f"slips_{found.name}", **told))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(label("report", "again"), key="slips_again", on_click=lambda: answers.pop(found.name, None))
        page, query = page_for(found.method)
        st.page_link(
            script_of(page.name), label=label("report", "to_count"), icon=":material/arrow_forward:",
            query_params={"section": "count", "base": "t5-small", **query},
        )  # fmt: skip


def _ask(found: Calculation) -> None:
    """A line and its choices side by side; Check takes what was chosen."""
    with st.form(f"slips_{found.name}", border=False):
        for number, line in enumerate(found.lines, 1):
            written, choice = st.columns([3, 4], vertical_alignment="center")
            written.markdown(label("report", "line", n=number, what=label("report", f"line_{line.name}")))
            written.code(_quoted(line), language=None)
            choice.radio(
                label("report", "choose", n=number), FAULTS, None, lambda fault: label("report", f"fault_{fault}"),
                key=f"slip_{found.name}_{line.name}", horizontal=True,
            )  # fmt: skip
        st.form_submit_button(
            label("report", "check"), type="primary", key="slips_check", on_click=_take, args=(found,)
        )


def _take(found: Calculation) -> None:
    chosen = {line.name: st.session_state.get(f"slip_{found.name}_{line.name}") for line in found.lines}
    st.session_state[CHECKED][found.name] = chosen


def _quoted(line: HandLine) -> str:
    return f"{line.quoted.text} = {line.quoted.written:,}"


def _answer(number: int, line: HandLine, chosen: str | None) -> None:
    """As transcribed, what is wrong with it, and the right line."""
    st.markdown(label("report", "line", n=number, what=label("report", f"line_{line.name}")))
    as_written, right = st.columns(2)
    as_written.code(_quoted(line), language=None)
    right.code(f"{line.right.text} = {line.right.written:,}", language=None)
    verdict = label("report", "chosen_right" if chosen == line.fault else "chosen_wrong" if chosen else "chosen_none")
    told = {"value": f"{line.quoted.value:,}", "written": f"{line.quoted.written:,}"}
    st.caption(f"{verdict} {label('report', f'because_{line.fault}', **told)}")
