"""The handout of a method's page, at the top of Take it home: one file for the class, one for the teacher."""

import streamlit as st

from app import services
from app.content import head, label, text
from app.kit import saving, theme
from app.kit.plain import escaped
from app.method.handout.address import address
from app.method.handout.made import PAGE, Handout
from app.method.quiz.questions import Question, Setting, load, questions
from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.t5.architecture import BaseModel

MOST = 5  # questions: more than fit on two pages with the longest count


def draw(page, base: BaseModel, config: MethodConfig) -> None:
    """Two buttons; the files are made when one is pressed, of what the page shows now.

    Args:
        page: the `MethodPage` of the skeleton.
    """
    try:
        made = handout(page, base, config)
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
        return
    st.markdown(text(PAGE, "intro"))
    with st.container(horizontal=True, key="handout"):
        html, name = "text/html", page.name
        saving.button(head(PAGE)["get"], made.blank, f"{name}-handout.html", html, "handout_get", icon="print")
        if services.is_teacher() or not services.has_teacher():
            words = head(PAGE)["get_answers"]
            saving.button(words, made.answers, f"{name}-answers.html", html, "handout_get_answers", icon="key")


def handout(page, base: BaseModel, config: MethodConfig) -> Handout:
    """All that is on it, from the visitor's own session; nothing is rendered yet.

    Raises:
        PeftClassroomError: if a file of measurements that a question asks about is missing or damaged.
    """
    setting = Setting(page.name, base, config)
    asked = questions(setting, load(services.checkpoints(), services.libraries().finished.is_set()))
    with theme.on_paper():
        pictures = page.pictures(base, config) if page.pictures else ()
    return Handout(
        title=label(f"method/{page.name}", "title"),
        base=base,
        config=config,
        pictures=pictures,
        formula=page.formula(base, config) if page.formula else (),
        questions=tuple(question for question in asked if isinstance(question, Question))[:MOST],
        address=address(page.name),
    )
