"""The questions of every method page: which, in which order.

A new question is one function here and three sections of prose in app/content/<language>/quiz/<page>.md.
"""

from collections.abc import Callable

from app.method.quiz.questions import computed, measured, recorded
from app.method.quiz.questions.facts import Facts, StillLoading, load
from app.method.quiz.questions.question import Loading, Question, Setting

__all__ = ["PAGES", "Facts", "Loading", "Question", "Setting", "load", "questions"]

PAGES: dict[str, tuple[Callable[[Setting, Facts], Question | None], ...]] = {
    "full": (computed.most_weights, computed.state, measured.weights_share, recorded.more_is_better),
    "soft_prompt": (measured.step_zero, computed.positions, measured.fewest, recorded.behind),
    "adapter": (computed.doubling, measured.step_time, measured.file, measured.mergeable),
    "adapterhub": (computed.factor, computed.houlsby, measured.houlsby_memory, computed.percent),
    "lora": (measured.memory, measured.step_zero, computed.break_even, measured.merge, recorded.best),
}


def questions(setting: Setting, facts: Facts) -> list[Question | Loading]:
    """The page's questions at this setting; one whose measurement is not there is not asked."""
    asked: list[Question | Loading] = []
    for ask in PAGES[setting.page]:
        try:
            question = ask(setting, facts)
        except StillLoading:
            question = Loading(setting.page, ask.__name__)
        if question:
            asked.append(question)
    return asked
