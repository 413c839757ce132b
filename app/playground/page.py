"""Playground: one review or many, any checkpoints: compare, explain, change a word, identity terms, how sure."""

import streamlit as st

from app import services
from app.content import label, text
from app.kit import url, verdicts
from app.kit.plain import escaped
from app.kit.review_box import review_box, truth_line
from app.playground import exchange, explain, many_reviews, task, what_if
from app.playground.how_sure import section as how_sure
from app.playground.identity import section as identity
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError

TABS = ("compare", "explain", "what_if", "identity", "many", "calibration")


def choose_checkpoints() -> list[CheckpointInfo]:
    """Shipped and trained checkpoints; the chosen ones are in the URL.

    Not with `bind`: that would write what people read, and names of runs are neither unique nor for ever.
    """
    known = {info.name: info for info in services.askable(task.choose())}
    if not known:
        st.info(label("playground", "none_yet"), icon=":material/info:")
        return []
    in_link = st.query_params.get_all("checkpoint")
    if "checkpoint" not in st.session_state:
        here = [name for name in dict.fromkeys(in_link) if name in known]
        st.session_state["checkpoint"] = here or verdicts.one_a_method(known.values()) or list(known)[:1]
        st.session_state["checkpoint left out"] = set(in_link) - set(here)
    elif not known.keys() >= set(st.session_state["checkpoint"]):  # a run was deleted meanwhile
        st.session_state["checkpoint"] = [name for name in st.session_state["checkpoint"] if name in known]
    if (brought := st.session_state.pop("checkpoint to add", None)) in known:
        st.session_state["checkpoint"] = [*st.session_state["checkpoint"], brought]
    if st.session_state.get("checkpoint left out"):
        st.info(label("playground", "unknown"), icon=":material/info:")
    titles = verdicts.titles(known.values())
    names = st.multiselect(
        label("playground", "checkpoints"), list(known), format_func=titles.get, key="checkpoint", wrap=True
    )
    own = {info.name for info in services.opened()}  # of this session alone: a link could not name them
    if (linked := [name for name in names if name not in own]) != in_link:
        st.query_params["checkpoint"] = linked
    return [known[name] for name in names]


def ask(review: str, chosen: list[CheckpointInfo]) -> list[verdicts.Verdict]:
    """Every checkpoint's verdict; a sentence for each that cannot answer."""
    titles = verdicts.titles({info.name: info for info in (*services.askable(), *chosen)}.values())
    answers, refusals = [], []
    for info, found in zip(chosen, services.ask([review], chosen), strict=True):
        if isinstance(found, PeftClassroomError):
            refusals.append(str(found))
        else:
            answers.append(verdicts.Verdict(info, titles[info.name], *found))
    for refusal in dict.fromkeys(refusals):  # what is wrong with the review, each of them says
        st.error(escaped(refusal), icon=":material/error:")
    return answers


def compare(review: str, truth: int | None, chosen: list[CheckpointInfo]) -> None:
    """All verdicts on one review, side by side."""
    if st.button(label("playground", "classify"), type="primary", key="classify"):
        st.session_state["asked"] = (review, [info.name for info in chosen])
    if st.session_state.get("asked") == (review, [info.name for info in chosen]):
        answers = ask(review, chosen)
        if answers:
            truth_line(truth)
            with st.container(key="verdicts"):
                verdicts.show(answers)
            st.caption(text("playground", "reading"))


st.markdown(text("playground", "lead"))
left, right = st.columns([3, 2])
with left:
    review, truth = review_box()
with right:
    chosen = choose_checkpoints()
    exchange.draw(chosen)
tabs = url.tabs("tab", TABS, [label("playground", f"tab_{name}") for name in TABS])
opened = next(name for name, tab in tabs.items() if tab.open)
with tabs[opened]:
    if not chosen:
        st.caption(label("playground", "none_chosen"))
    elif not services.libraries().ready.is_set():
        st.info(services.libraries().error or label("playground", "loading"), icon=":material/hourglass_top:")
    elif opened == "compare":
        compare(review, truth, chosen)
    elif chosen[0].record.learned.own and opened != "many":
        st.info(label("playground", "of_reviews"), icon=":material/info:")
    elif opened == "explain":
        explain.draw(review, chosen)
    elif opened == "what_if":
        what_if.draw(review, chosen)
    elif opened == "identity":
        identity.draw(chosen)
    elif opened == "many":
        many_reviews.draw(chosen)
    else:
        how_sure.draw(chosen)
services.rerun_when_ready(examples=True)
