"""Try it: one review, asked of this method's checkpoints and of the base model that nobody has fine-tuned."""

import streamlit as st

from app import services
from app.content import label, text
from app.kit import verdicts
from app.kit.pages import script_of
from app.kit.plain import escaped
from app.kit.review_box import review_box, truth_line
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.t5.architecture import BaseModel

MOST = 4  # checkpoints asked at once: the shipped ones, then the newest runs


def draw(base: BaseModel, config: MethodConfig) -> None:
    """The box, the button, the verdicts."""
    chosen = [i for i in services.askable() if (i.method, i.base) == (config.method, base.name)][:MOST]
    if not services.loadable(base.name):
        st.info(text("common", "cannot_train", base=base.name), icon=":material/info:")
        return
    st.markdown(text("common", "try_it" if chosen else "try_base", method=label(f"method/{config.method}", "title")))
    review, truth = review_box("try_review", "try_example")
    ready = services.libraries().ready.is_set()
    if not ready:
        st.info(services.libraries().error or label("playground", "loading"), icon=":material/hourglass_top:")
    asked = (review, base.name, *(info.name for info in chosen))
    if st.button(label("playground", "classify"), type="primary", key="try", disabled=not ready):
        st.session_state["tried"] = asked
    if ready and st.session_state.get("tried") == asked:
        _answers(review, truth, base, chosen)
    _to_playground(chosen)
    services.rerun_when_ready(examples=True)


def _answers(review: str, truth: int | None, base: BaseModel, chosen: list[CheckpointInfo]) -> None:
    titles = verdicts.titles(chosen)
    try:
        with services.exclusive_predictor(base.name) as predictor:
            found = predictor.classify_with_each([review], [None, *(info.path for info in chosen)])
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
        return
    answers = []
    for info, predictions in zip((None, *chosen), found, strict=True):
        if isinstance(predictions, PeftClassroomError):
            st.error(escaped(predictions), icon=":material/error:")
            continue
        title = titles[info.name] if info else label("playground", "untrained", base=base.name)
        answers.append(verdicts.Verdict(info, title, *predictions))
    truth_line(truth)
    with st.container(key="try_verdicts"):
        verdicts.show(answers)


def _to_playground(chosen: list[CheckpointInfo]) -> None:
    st.page_link(
        script_of("playground"),
        label=label("playground", "more"),
        icon=":material/rate_review:",
        query_params={"checkpoint": [info.name for info in chosen]} if chosen else None,
    )
