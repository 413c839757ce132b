"""Playground: one review or many, any checkpoints: verdicts, explain, change a word, identity terms, how sure."""

import streamlit as st

from app import services
from app.content import label, text
from app.kit import url
from app.kit.asking import judged, review_box, verdicts
from app.kit.plain import escaped
from app.kit.reach import titles
from app.playground import choice, exchange, explain, many_reviews, what_if
from app.playground.dials import section as dials
from app.playground.how_sure import section as how_sure
from app.playground.identity import section as identity
from peft_core.reviews.config import REVIEWS

TABS = ("compare", "dials", "explain", "what_if", "identity", "many", "calibration")
OF_ONE_REVIEW = ("compare", "dials", "explain", "what_if")  # the others bring texts of their own


def compare(review: str, truth: int | None, chosen: list[verdicts.Model]) -> None:
    """All verdicts on one review, side by side."""
    opening = judged.of_text(review)
    with st.container(horizontal=True, key="compare_buttons"):
        st.button(
            label("playground", "classify"), type="primary", key="classify", shortcut=review_box.SHORTCUT,
            on_click=review_box.ask_from_now_on,
        )  # fmt: skip
        if opening:
            judged.another("review")
    if (review_box.asked() or opening) and (answers := verdicts.ask(review, chosen)):
        review_box.truth_line(truth)
        with st.container(key="verdicts"):
            verdicts.show(answers)
        st.caption(_reading(chosen))


def _question(chosen: list[verdicts.Model]) -> str:
    """The title, which asks for the classes of what the chosen have learned."""
    learned = verdicts.learned_of(chosen)
    if not learned.own:
        return text("playground", "lead")
    no, yes = map(escaped, learned.labels)
    return text("playground", "lead_own", no=no, yes=yes)


def _reading(chosen: list[verdicts.Model]) -> str:
    """What the numbers are of: of own texts, of the words that stand for their classes."""
    learned = verdicts.learned_of(chosen)
    no, yes = map(escaped, learned.words)
    return text("playground", "reading_own", no=no, yes=yes) if learned.own else text("playground", "reading")


title, top = st.container(), st.container()
titled = {name: label("playground", f"tab_{name}") for name in TABS}
tabs = url.tabs("tab", TABS, list(titled.values()))
opened = next(name for name, tab in tabs.items() if tab.open)
titles.section(titled[opened])
with top:
    review, truth, learned = "", None, REVIEWS
    left, beside = st.columns([3, 2]) if opened in OF_ONE_REVIEW else (None, st.container())
    with beside:
        chosen = choice.choose()
        trained = [model for model in chosen if not isinstance(model, str)]
        exchange.draw(trained)
    title.markdown(_question(chosen))
    if left:
        learned = verdicts.learned_of(chosen)
        if learned.task == "reviews":
            judged.begin("review")
        with left:
            review, truth = review_box.review_box(learned=learned)
        if (opening := judged.of_text(review)) and truth is None and learned.task == "reviews":
            truth = opening.truth
with tabs[opened]:
    if not chosen:
        st.caption(label("playground", "none_chosen"))
    elif not services.libraries().ready.is_set():
        if opened == "compare" and (stored := judged.of_text(review)) and learned.task == "reviews":
            judged.draw(stored, judged.by_some(stored, chosen), repeated=True)
        st.info(services.libraries().error or label("playground", "loading"), icon=":material/hourglass_top:")
    elif opened == "compare":
        compare(review, truth, chosen)
    elif opened == "explain":
        explain.draw(review, chosen)
    elif opened == "what_if":
        what_if.draw(review, chosen)
    elif opened == "many":
        many_reviews.draw(chosen)
    elif not trained:
        st.caption(label("playground", "none_trained"))
    elif opened == "dials":
        dials.draw(review, trained)
    elif opened == "identity":
        identity.draw(trained)
    else:
        how_sure.draw(trained)
services.rerun_when_ready(examples=True)
