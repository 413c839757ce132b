"""This computer: what `python -m peft_core check` says of it. Folders and versions are for whoever runs the server."""

import streamlit as st

from app import services
from app.content import label, text
from app.kit.plain import escaped
from peft_core.computer.finding import Finding
from peft_core.computer.look import Computer, told

POLL_SECONDS = 1.0
ICONS = {"ok": ":material/check_circle:", "note": ":material/info:", "wrong": ":material/error:"}
SAYS = {"ok": st.success, "note": st.info, "wrong": st.error}


@st.fragment(run_every=POLL_SECONDS)
def _wait() -> None:
    """Drawn alone until somebody has looked."""
    if services.computer() is None:
        st.info(label("computer", "looking"), icon=":material/hourglass_top:")
    else:
        st.rerun()


def _draw(computer: Computer) -> None:
    """The state in a sentence, then part by part."""
    everything = services.is_operator()
    SAYS[computer.state](label("computer", f"state_{computer.state}"), icon=ICONS[computer.state])
    for part, findings in computer.parts.items():
        if findings:
            st.markdown(f"##### {label('computer', part)}\n{_lines(findings, everything)}")
    when = f"{computer.created.astimezone():%H:%M}"
    if not everything:
        st.caption(text("computer", "not_all", time=when))
        return
    st.caption(text("computer", "all", time=when))
    st.button(label("computer", "again"), key="computer_again", icon=":material/refresh:", on_click=services.look_again)


def _lines(findings: tuple[Finding, ...], everything: bool) -> str:
    """A line of Markdown for each finding; what is said of several in a row is said once."""
    if not everything:
        findings = tuple(one.model_copy(update={"found": one.public, "then": "", "alike": ""}) for one in findings)
    return "\n".join(
        f"- {ICONS[state]} **{escaped(names)}**: {escaped(sentence)}" for state, names, sentence in told(findings)
    )


st.markdown(text("computer", "lead"))
looked_at = services.computer()
if looked_at is None:
    _wait()
else:
    _draw(looked_at)
services.rerun_when_ready()
