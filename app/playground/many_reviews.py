"""Many reviews at once: a pasted list or a CSV file, asked of every chosen checkpoint, a few reviews at a time."""

from dataclasses import dataclass, field

import streamlit as st

from app import services
from app.content import label, text
from app.kit import url
from app.kit.asking.table_preview import table_preview, upload
from app.kit.asking.verdicts import Model, learned_of, name_of
from app.kit.plain import escaped
from app.playground import many_results
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError
from peft_core.reviews.config import Learned
from peft_core.reviews.spreadsheet import MAX_REVIEWS, Reviews, labelled, looks_like_table, read_list

MAX_PASTED = 500_000  # characters
AT_A_TIME = 32  # answers, about two passes; then whoever else waits has a turn
SOURCES = ("list", "csv")
WORK, PASTED = "many work", "many pasted"  # session state that does not end with its widgets


@dataclass
class Work:
    """What was asked, and what has been answered so far: by `_key`. Plain data only."""

    reviews: Reviews
    going: bool = True
    answers: dict[str, many_results.Answers] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)


def draw(chosen: list[Model]) -> None:
    """The tab: choose the reviews, ask, read the answers. They stay while other widgets move."""
    st.markdown(text("many", "lead", most=f"{MAX_REVIEWS:,}"))
    learned = learned_of(chosen)
    reviews, given = _choose_reviews(_classes(learned))
    work: Work | None = st.session_state.get(WORK)
    ready = services.libraries().ready.is_set()
    if not ready:
        st.info(services.libraries().error or label("many", "loading"), icon=":material/hourglass_top:")
    if not chosen:
        st.caption(label("many", "none_chosen"))
    possible = bool(reviews and chosen and ready and not services.libraries().error)
    pressed = st.button(label("many", "classify"), type="primary", key="many_classify", disabled=not possible)
    if pressed and reviews:
        if work is None or work.reviews != reviews:
            work = st.session_state[WORK] = Work(reviews)
        work.going, work.refusals = True, []
    if work is None or (given and reviews != work.reviews):
        return  # also where what was given cannot be read: no error stands above the answers to something else
    if work.going and chosen and ready:  # also after a click elsewhere interrupted it
        _classify(work, chosen, learned)
    for refusal in work.refusals:
        st.error(escaped(refusal), icon=":material/error:")
    done = [model for model in chosen if (known := work.answers.get(_key(model, learned))) and known.complete]
    if done:
        answers = {name_of(model): work.answers[_key(model, learned)] for model in done}
        many_results.show(work.reviews, done, answers, learned.labels)
    if len(done) < len(chosen):
        st.caption(label("many", "not_asked", n=len(chosen) - len(done)))


def _classes(learned: Learned) -> tuple[str, str] | None:
    """How a person is asked what the labels of a table mean, where they are not positive and negative."""
    if learned.own is None:
        return None
    one, other = (label("many", "means", name=escaped(name)) for name in learned.labels)
    return one, other


def identity(info: CheckpointInfo) -> str:
    """Tells a checkpoint from another one that was put into the same folder later."""
    return f"{info.path} {info.record.created}"


def _key(model: Model, learned: Learned) -> str:
    """The same, of a base model too, which answers in the words of a task."""
    return f"{model} {learned.task_key}" if isinstance(model, str) else identity(model)


def _choose_reviews(classes: tuple[str, str] | None) -> tuple[Reviews | None, bool]:
    """The reviews of the open source, and whether anything was given; no reviews after a sentence that says why."""
    tabs = url.tabs("many", SOURCES, [label("many", name) for name in SOURCES])
    found: dict[str, Reviews | None] = {}
    given: dict[str, bool] = {}
    for name, source in zip(SOURCES, (_pasted, _uploaded), strict=True):
        with tabs[name]:  # both are drawn: a widget that is not drawn forgets what it holds
            try:
                found[name], given[name] = source(classes)
            except PeftClassroomError as error:
                found[name], given[name] = None, True
                st.error(escaped(error), icon=":material/error:")
    name = next(name for name, tab in tabs.items() if tab.open)
    reviews = found[name]
    if reviews is not None:
        words = label("many", "found", n=f"{len(reviews.texts):,}")
        st.caption(f"{words} {label('many', 'skipped', n=reviews.skipped)}" if reviews.skipped else words)
    return reviews, given[name]


def _pasted(classes: tuple[str, str] | None) -> tuple[Reviews | None, bool]:
    if "many_text" not in st.session_state and PASTED in st.session_state:  # back from another tab or page
        st.session_state["many_text"] = st.session_state[PASTED]
    pasted = st.text_area(
        label("many", "paste"),
        key="many_text",
        max_chars=MAX_PASTED,
        height=150,
        placeholder=label("many", "placeholder"),
    )
    st.session_state[PASTED] = pasted
    if not pasted.strip():
        return None, False
    if looks_like_table(pasted):
        st.info(label("many", "looks_like_table"), icon=":material/table:")
        if st.toggle(label("many", "as_table"), key="many_as_table"):
            return _of_table(pasted.encode("utf-8", "replace"), classes), True
    return read_list(pasted), True


def _uploaded(classes: tuple[str, str] | None) -> tuple[Reviews | None, bool]:
    file = upload("many_file", label("many", "file"))
    if file is None:
        st.caption(text("many", "file_format"))
        return None, False
    return _of_table(file.getvalue(), classes), True


def _of_table(data: bytes, classes: tuple[str, str] | None) -> Reviews | None:
    told = table_preview("many", data, classes=classes)
    if told is None:
        return None
    return labelled(told.table, told.has_names, told.text_column, told.label_column, told.meaning)


def _classify(work: Work, chosen: list[Model], learned: Learned) -> None:
    """Ask what is still missing: a few reviews of like length at a time, of all checkpoints together."""
    texts = work.reviews.texts
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    total = len(texts) * len(chosen)
    bar = st.progress(0.0)
    answers = {
        name_of(model): work.answers.setdefault(_key(model, learned), many_results.Answers(len(texts)))
        for model in chosen
    }
    refused: set[str] = set()
    step = max(1, AT_A_TIME // len(chosen))
    for start in range(0, len(order), step):
        rows = order[start : start + step]
        asked = [model for model in chosen if name_of(model) not in refused and answers[name_of(model)].missing(rows)]
        rows = [row for row in rows if any(answers[name_of(model)].missing([row]) for model in asked)]
        told = services.ask([texts[row] for row in rows], asked, learned) if rows else ()
        for model, found in zip(asked, told, strict=True):
            if isinstance(found, PeftClassroomError):
                work.refusals.append(str(found))
                refused.add(name_of(model))
                continue
            for row, prediction in zip(rows, found, strict=True):
                answers[name_of(model)].add(row, prediction)
        done = sum(len(of_checkpoint.positive) for of_checkpoint in answers.values())
        bar.progress(done / total, label("many", "progress", done=f"{done:,}", total=f"{total:,}"))
    work.going = False
    work.refusals = list(dict.fromkeys(work.refusals))
    bar.empty()
