"""Try it: one review, asked of this method's checkpoints and of the base model that nobody has fine-tuned."""

from collections.abc import Sequence

import streamlit as st

from app import services
from app.content import label, text
from app.kit.asking import review_box, task, verdicts
from app.kit.pages import script_of
from app.kit.plain import escaped
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.methods.method import MethodConfig
from peft_core.reviews.config import REVIEWS, Learned
from peft_core.t5.architecture import BaseModel

MOST = 5  # checkpoints asked at once, beside the base model


def draw(base: BaseModel, config: MethodConfig) -> None:
    """The box, the button, the verdicts."""
    if why_not := services.why_not_loadable(base.name):
        st.info(text("common", "cannot_train", base=base.name, why=escaped(why_not)), icon=":material/info:")
        return
    chosen = task.choose(_tasks(base.name, config.method))
    asked = to_ask(base.name, _trained(base.name, config.method, chosen))
    st.markdown(
        text("common", "try_it" if len(asked) > 1 else "try_base", method=label(f"method/{config.method}", "title"))
    )
    review, truth = review_box.review_box("try_review", "try_example", verdicts.learned_of(asked))
    ready = services.libraries().ready.is_set()
    if not ready:
        st.info(services.libraries().error or label("playground", "loading"), icon=":material/hourglass_top:")
    st.button(
        label("playground", "classify"), type="primary", key="try", disabled=not ready,
        shortcut=review_box.SHORTCUT, on_click=review_box.ask_from_now_on,
    )  # fmt: skip
    if ready and review_box.asked() and (answers := verdicts.ask(review, asked)):
        review_box.truth_line(truth)
        with st.container(key="try_verdicts"):
            verdicts.show(answers)
    _to_playground(asked, chosen)
    services.rerun_when_ready(examples=True)


def _trained(base: str, method: str, key: str) -> list[CheckpointInfo]:
    return [info for info in services.askable(key) if (info.method, info.base) == (method, base)]


def _tasks(base: str, method: str) -> dict[str, Learned]:
    """The film reviews, and whatever else this method has learned on this base model."""
    others = {key: learned for key, learned in services.tasks().items() if _trained(base, method, key)}
    return {REVIEWS.task_key: REVIEWS} | others


def to_ask(base: str, infos: Sequence[CheckpointInfo]) -> list[verdicts.Model]:
    """Trained ones that are listed before the shipped ones: a visitor's own; then the untrained base, then the rest.

    Of so many that there is no room for all, one that is shipped stays.
    """
    first = next((place for place, info in enumerate(infos) if info.shipped), len(infos))
    own, others = list(infos[:first]), list(infos[first:])
    own = own[: MOST - bool(others)]
    return [*own, base, *others[: MOST - len(own)]]


def _to_playground(asked: Sequence[verdicts.Model], key: str) -> None:
    """One checkpoint a method beside the first of these and the base model, of the same task."""
    beside = verdicts.one_a_method(services.askable(key))
    which = {} if key == REVIEWS.task_key else {task.KEY: key}
    names = dict.fromkeys([*map(verdicts.name_of, asked[:2]), *beside])
    st.page_link(
        script_of("playground"),
        label=label("playground", "more"),
        icon=":material/rate_review:",
        query_params={"checkpoint": list(names), **which, **review_box.in_link()},
    )
