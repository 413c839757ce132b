"""Playground: one review, many checkpoints."""

import streamlit as st

from app import services
from app.components import verdicts
from app.components.messages import plain
from app.content import label, text
from peft_core.errors import PeftClassroomError
from peft_core.records import CheckpointInfo


def choose_checkpoints() -> list[CheckpointInfo]:
    """Shipped and trained checkpoints; the chosen ones are in the URL.

    Not with `bind`: that would write what people read, and names of runs are neither unique nor for ever.
    """
    known = {info.name: info for info in services.checkpoints()}
    if not known:
        st.info(label("playground", "none_yet"), icon=":material/info:")
        return []
    in_link = st.query_params.get_all("checkpoint")
    if "checkpoint" not in st.session_state:
        here = [name for name in dict.fromkeys(in_link) if name in known]
        shipped = [name for name, info in known.items() if info.shipped]
        st.session_state["checkpoint"] = here or shipped or list(known)[:1]
        st.session_state["checkpoint left out"] = set(in_link) - set(here)
    elif not known.keys() >= set(st.session_state["checkpoint"]):  # a run was deleted meanwhile
        st.session_state["checkpoint"] = [name for name in st.session_state["checkpoint"] if name in known]
    if st.session_state.get("checkpoint left out"):
        st.info(label("playground", "unknown"), icon=":material/info:")
    titles = verdicts.titles(known.values())
    names = st.multiselect(
        label("playground", "checkpoints"), list(known), format_func=titles.get, key="checkpoint", wrap=True
    )
    if names != in_link:
        st.query_params["checkpoint"] = names
    return [known[name] for name in names]


def write_review() -> tuple[str, int | None]:
    """The visitor's words, or a test review with its label. Never in the URL."""
    examples = services.examples()
    options = list(range(-1, len(examples)))

    def name(option: int) -> str:
        if option < 0:
            return label("playground", "own")
        start = "".join(c for c in examples[option][0][:60] if c.isalnum() or c in " ,.'’!?-")
        return label("playground", "example_option", number=option + 1, start=start)

    def take() -> None:
        if st.session_state["example"] >= 0:
            st.session_state["review"] = examples[st.session_state["example"]][0]

    box = st.container()
    st.selectbox(label("playground", "example"), options, format_func=name, key="example", on_change=take)
    review = box.text_area(
        label("playground", "review"),
        key="review",
        max_chars=20_000,
        height=130,
        placeholder=label("playground", "placeholder"),
    )
    picked = st.session_state["example"]
    from_test_split = 0 <= picked < len(examples) and review == examples[picked][0]
    return review, examples[picked][1] if from_test_split else None


def ask(review: str, chosen: list[CheckpointInfo]) -> list[verdicts.Verdict]:
    """Every checkpoint's verdict; a sentence for each that cannot answer."""
    answers = []
    titles = verdicts.titles(services.checkpoints())
    for info in chosen:
        try:
            p = services.classify(review, info)
        except PeftClassroomError as error:
            st.error(plain(error), icon=":material/error:")
            if not answers:
                break
            continue
        answers.append(verdicts.Verdict(info, titles[info.name], p.label, p.probability_positive, p.notes, p.seconds))
    return answers


st.markdown(text("playground", "lead"))
left, right = st.columns([3, 2])
with left:
    review, truth = write_review()
with right:
    chosen = choose_checkpoints()
ready = services.heavy().ready.is_set()
if not ready:
    st.info(services.heavy().error or label("playground", "loading"), icon=":material/hourglass_top:")
if st.button(label("playground", "classify"), type="primary", key="classify", disabled=not (ready and chosen)):
    st.session_state["asked"] = (review, [info.name for info in chosen])
if not chosen:
    st.caption(label("playground", "none_chosen"))
elif ready and st.session_state.get("asked") == (review, [info.name for info in chosen]):
    answers = ask(review, chosen)
    if answers:
        if truth is not None:
            st.markdown(label("playground", "truth", label=label("playground", ("negative", "positive")[truth])))
        with st.container(key="verdicts"):
            verdicts.show(answers)
        st.caption(text("playground", "reading"))
services.rerun_when_ready(examples=True)
