"""Questions that a method page may ask. Which ones, and in which order, its `quiz.py` says.

A new question is one function here and three sections of prose in app/content/<language>/quiz/<page>.md.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from app.method.quiz.questions.facts import Facts, StillLoading, load
from app.method.quiz.questions.question import Loading, Question, Setting

__all__ = ["Facts", "Loading", "Question", "Setting", "asks", "load", "questions"]

Ask = Callable[[Setting, Facts], Question | None]


def asks(page: str) -> tuple[Ask, ...]:
    """`QUESTIONS` of a page's `quiz.py`; none if it has no such file."""
    name = f"app.method.{page}.quiz"
    return import_module(name).QUESTIONS if find_spec(name) else ()


def questions(setting: Setting, facts: Facts) -> list[Question | Loading]:
    """The page's questions at this setting; one whose measurement is not there is not asked."""
    asked: list[Question | Loading] = []
    for ask in asks(setting.page):
        try:
            question = ask(setting, facts)
        except StillLoading:
            question = Loading(setting.page, ask.__name__)
        if question:
            asked.append(question)
    return asked
