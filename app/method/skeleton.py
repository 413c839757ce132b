"""The one skeleton of all method pages: controls on the left, and on the right one section at a time.

    idea · count · maths · (more of the page's own) · steps · train · inside · try · check · cost · code

Each section answers one question on one screen. Which one is open is in the URL. A closed section draws its widgets at
most, never its numbers: a slider move costs what is on the screen.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import streamlit as st
from streamlit.elements.lib.mutable_tab_container import TabContainer

from app import services
from app.content import glossary, label, text
from app.kit import onward, url
from app.kit.reach import bar, titles
from app.method.code import section as code_section
from app.method.cost import section as cost_section
from app.method.count import calculator, count_chart, idle, module_tree
from app.method.count.count_chart import Knob, Limit
from app.method.handout import section as handout_section
from app.method.inside import section as inside_section
from app.method.quiz import section as quiz_section
from app.method.quiz.questions import asks
from app.method.sheet import Picture
from app.method.steps import section as steps_section
from app.method.train import section as train_section
from app.method.try_it import section as try_it_section
from peft_core.counting.by_hand import Count, count
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_of
from peft_core.t5.architecture import BaseModel, catalogue

Draw = Callable[[BaseModel, MethodConfig], None]


@dataclass(frozen=True)
class MethodPage:
    """What one method's page adds to the skeleton."""

    name: str  # of its file in app/content and of its quiz
    controls: Callable[[BaseModel], MethodConfig]  # draws the method's widgets
    idea: Draw
    maths: Draw
    knob: Knob | None = None  # the number on the horizontal axis of the count chart
    limit: Callable[[BaseModel, MethodConfig], Limit] | None = None  # the line a count should stay below
    more: dict[str, Draw] | None = None  # further sections, by the name of their label, before the step through
    pictures: Callable[[BaseModel, MethodConfig], tuple[Picture, ...]] | None = None  # those of the idea, for paper
    formula: Callable[[BaseModel, MethodConfig], tuple[str, ...]] | None = None  # that of the maths, in LaTeX


def latex(lines: Iterable[str]) -> None:
    """A formula on the page, line by line."""
    for line in lines:
        st.latex(line)


def draw(page: MethodPage) -> None:
    """The whole page."""
    st.markdown(text(f"method/{page.name}", "lead"))
    left, right = st.columns([3, 8], gap="large")
    with left.container(key="controls"):  # stays in view while the rest scrolls past: see theme.tidy
        line = st.container(key=bar.KEY)  # on a phone it is all that is seen of them
        name, bases = label("count", "base"), list(catalogue())
        url.known("base", name, bases, bases[0])
        told = glossary()["base model"]
        base = catalogue()[st.selectbox(name, bases, key="base", bind="query-params", help=told)]
        config = page.controls(base)
        below = st.container()
    result = count(base.architecture, config)
    with right:
        more = page.more or {}
        check = ("check",) if asks(page.name) else ()
        names = ("idea", "count", "maths", *more, "steps", "train", "inside", "try", *check, "cost", "code")
        titled = {name: label("sections", name) for name in names}
        tabs = url.tabs("section", names, list(titled.values()))
    with below:
        if tabs["try"].open:  # trained checkpoints are asked there, whatever is set here
            st.caption(label("count", "not_in_try"))
        else:
            calculator.headline(result)
    with line:
        setting = method_of(config).label(config)
        bar.draw(base.name, setting, None if tabs["try"].open else result.trainable_parameters)
    titles.section(next(titled[name] for name, tab in tabs.items() if tab.open))
    with right:
        _sections(page, tabs, base, config, result)
        onward.draw("section", tabs, titled)
    services.rerun_when_ready()


def _sections(
    page: MethodPage, tabs: Mapping[str, TabContainer], base: BaseModel, config: MethodConfig, result: Count
) -> None:
    with tabs["idea"]:
        if tabs["idea"].open:
            page.idea(base, config)
    with tabs["count"]:
        if tabs["count"].open:
            _count(page, base, config, result)
    with tabs["maths"]:
        if tabs["maths"].open:
            page.maths(base, config)
    for name, section in (page.more or {}).items():
        with tabs[name]:
            if tabs[name].open:
                section(base, config)
    with tabs["steps"]:
        if tabs["steps"].open:
            steps_section.draw(base, config)
    with tabs["train"]:
        run = train_section.draw(base, config, tabs["train"].open)
        if tabs["train"].open:
            idle.draw(base, config)
    with tabs["inside"]:
        if tabs["inside"].open:
            inside_section.draw(base, config)
    with tabs["try"]:
        if tabs["try"].open:
            try_it_section.draw(base, config)
    if "check" in tabs:
        with tabs["check"]:
            if tabs["check"].open:
                quiz_section.draw(page.name, base, config)
    with tabs["cost"]:  # after the questions that ask for its numbers: predict, then see
        if tabs["cost"].open:
            cost_section.draw(base, config, run, page.knob)
    with tabs["code"]:
        if tabs["code"].open:
            handout_section.draw(page, base, config)
            code_section.draw(run)


def _count(page: MethodPage, base: BaseModel, config: MethodConfig, result: Count) -> None:
    """The calculation beside `numel()`, the count against its knob, and the tree of the real model."""
    calculator.hand_and_numel(base, config, result)
    idle.draw(base, config)
    if page.knob:
        count_chart.draw(base, config, page.knob, page.limit and page.limit(base, config))
    module_tree.draw(base, config)
