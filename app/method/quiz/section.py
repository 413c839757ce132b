"""Check yourself: predict, commit, then see the number, why it is so, and where it is from.

One question at a time; which one is in the URL as `question`. What was predicted is kept for the session only, for
exactly the question and options it was given to: another base model or rank asks anew.
"""

import streamlit as st

from app import services
from app.content import label
from app.kit.live import ask_class
from app.kit.plain import escaped
from app.method.quiz import chart as quiz_chart
from app.method.quiz.ballot import ballot
from app.method.quiz.questions import Loading, Question, Setting, load, questions
from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.t5.architecture import BaseModel

KEY = "question"
PREDICTED = "quiz predictions"  # session state: {(page, name, options): the option that was revealed}


def draw(page: str, base: BaseModel, config: MethodConfig) -> None:
    """The questions of a page, at its present settings."""
    reviews_loaded = services.libraries().finished.is_set()
    try:
        asked = questions(Setting(page, base, config), load(services.checkpoints(), reviews_loaded))
    except PeftClassroomError as error:
        st.error(escaped(error))
        return
    number = _number(len(asked))
    with st.container(key="quiz"):
        answered = False
        if number > len(asked):
            _summary(asked)
        else:
            st.caption(label("quiz", "position", number=number, total=len(asked)))
            answered = _one(asked[number - 1])
        _navigation(number, len(asked), answered)
        if number <= len(asked) and not isinstance(question := asked[number - 1], Loading):
            ask_class.button("quiz_ask_class", ballot(question), page)
    if any(isinstance(question, Loading) for question in asked):
        services.rerun_when_ready(examples=True)


def _number(total: int) -> int:
    """The question that the URL names, 1 to total, or total + 1 for the summary; the nearest one, with a note."""
    given = st.query_params.get(KEY, "1")
    try:
        asked = int(given)
    except ValueError:
        return 1
    number = min(max(asked, 1), total + 1)
    if number != asked:
        st.info(label("quiz", "clamped", asked=asked, total=total), icon=":material/info:")
    return number


def _go_to(number: int) -> None:
    if number == 1:
        st.query_params.pop(KEY, None)
    else:
        st.query_params[KEY] = str(number)


def _predictions() -> dict[tuple, str]:
    return st.session_state.setdefault(PREDICTED, {})


def _identity(question: Question) -> tuple:
    return question.page, question.name, question.options


def _one(question: Question | Loading) -> bool:
    """The question; whether its answer is on the screen."""
    if isinstance(question, Loading):
        st.info(label("quiz", "loading"), icon=":material/hourglass_top:")
        return False
    st.markdown(question.ask)
    predicted = _predictions().get(_identity(question))
    if predicted is not None:
        _answer(question, predicted)
        return True
    guess = _choose(question)
    st.button(
        label("quiz", "reveal"),
        key="quiz_reveal",
        type="primary",
        disabled=guess is None,
        on_click=lambda: _predictions().update({_identity(question): guess}),
    )
    return False


def _choose(question: Question) -> str | None:
    """The widget of the prediction: one of a few options, or a step on a scale. None: nothing chosen yet."""
    key = f"quiz_{question.page}_{question.name}"
    if question.estimate is None:
        return st.radio(label("quiz", "predict"), question.options, None, key=key, width="stretch")
    none_yet = label("quiz", "no_guess")
    guess = st.select_slider(label("quiz", "predict"), (none_yet, *question.options), none_yet, key=key)
    return None if guess == none_yet else guess


def _answer(question: Question, guess: str) -> None:
    """Right or not in words, the number, the reason, the source."""
    right = question.is_right(guess)
    with st.container(key="quiz_answer"):
        if question.estimate:
            words = label("quiz", "near" if right else "far", guess=guess, truth=quiz_chart.truth(question.estimate))
        else:
            words = label("quiz", "right" if right else "wrong", guess=guess, answer=question.answer)
            st.markdown("\n".join(f"- {_marked(option, question.answer, guess)}" for option in question.options))
        if right:
            st.success(words, icon=":material/check_circle:")
        else:
            st.warning(words, icon=":material/cancel:")
        if question.estimate:
            quiz_chart.draw(question.estimate, question.estimate.scale[question.options.index(guess)])
        st.markdown(question.explain)
        if question.table:
            st.markdown(question.table)
        st.caption(question.source)


def _marked(option: str, answer: str, guess: str) -> str:
    """An option that can no longer be chosen, with what it turned out to be, in words."""
    notes = [label("quiz", name) for name, it in (("is_answer", answer), ("is_guess", guess)) if it == option]
    words = f"**{option}**" if option == answer else option
    return f"{words} ({', '.join(notes)})" if notes else words


def _navigation(number: int, total: int, answered: bool) -> None:
    with st.container(horizontal=True):
        if number > 1:
            st.button(label("quiz", "back"), key="quiz_back", on_click=_go_to, args=(number - 1,))
        if number <= total:
            words = label("quiz", "next") if number < total else label("quiz", "to_summary")
            kind = "primary" if answered else "secondary"
            st.button(words, key="quiz_next", type=kind, on_click=_go_to, args=(number + 1,))


def _summary(asked: list[Question | Loading]) -> None:
    """How many were predicted right, in words, question by question."""
    if any(isinstance(question, Loading) for question in asked):
        st.info(label("quiz", "loading"), icon=":material/hourglass_top:")
        return
    predictions = _predictions()
    results = []
    for question in asked:
        guess = predictions.get(_identity(question))
        results.append("open" if guess is None else "right" if question.is_right(guess) else "wrong")
    st.markdown("## " + label("quiz", "summary", right=results.count("right"), total=len(asked)))
    lines = [
        f"{number}. {label('quiz', f'summary_{result}')}: {question.ask}"
        for number, (question, result) in enumerate(zip(asked, results, strict=True), 1)
    ]
    st.markdown("\n".join(lines))
    st.caption(label("quiz", "summary_note"))
    st.button(label("quiz", "again"), key="quiz_again", on_click=_forget, args=(asked,))


def _forget(asked: list[Question]) -> None:
    for question in asked:
        _predictions().pop(_identity(question), None)
    _go_to(1)
