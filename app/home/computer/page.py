"""This computer: what `python -m peft_core check` says of it. Folders and versions are for whoever runs the server."""

import streamlit as st

from app import services
from app.content import label, text
from app.kit.plain import escaped
from peft_core.computer.finding import Finding
from peft_core.computer.look import Computer, told

POLL_SECONDS = 1.0
ICONS = {"ok": ":material/check_circle:", "note": ":material/info:", "wrong": ":red[:material/error:]"}
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
    with st.container(key="computer_table"):  # paths break on a phone: `theme.tidy`
        st.markdown(_table(computer, everything))
    when = f"{computer.created.astimezone():%H:%M}"
    if not everything:
        st.caption(text("computer", "not_all", time=when))
        return
    st.caption(text("computer", "all", time=when))
    st.button(label("computer", "again"), key="computer_again", icon=":material/refresh:", on_click=services.look_again)


def _table(computer: Computer, everything: bool) -> str:
    """A row of Markdown for each finding; what is said of several in a row is said once."""
    rows = [
        f"| {label('computer', 'state')} | {label('computer', 'what')} | {label('computer', 'found')} |",
        "|:--|:--|:--|",
    ]
    for part, findings in computer.parts.items():
        shown = findings if everything else tuple(map(_public, findings))
        for state, names, sentence in told(shown):
            if part == "bases":  # many names would make the column wide
                names, sentence = "", f"{names}: {sentence}"
            what = label("computer", part, names=escaped(names))
            rows.append(f"| {ICONS[state]} | {what} | {escaped(' '.join(sentence.split()))} |")
    return "\n".join(rows)


def _public(finding: Finding) -> Finding:
    """What any visitor may read of it."""
    return finding.model_copy(update={"found": finding.public, "then": "", "alike": ""})


st.markdown(text("computer", "lead"))
looked_at = services.computer()
if looked_at is None:
    _wait()
else:
    _draw(looked_at)
services.rerun_when_ready()
