"""Many reviews at once: a pasted list or a CSV file, asked of every chosen checkpoint, a few reviews at a time."""

import hashlib
from dataclasses import dataclass, field

import streamlit as st

from app import services
from app.content import label, text
from app.kit import url
from app.kit.plain import escaped
from app.playground import many_results
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError
from peft_core.reviews.spreadsheet import MAX_REVIEWS, Reviews, read_list, read_table, reviews_of

MAX_PASTED = 500_000  # characters
MAX_MEGABYTES = 3
AT_A_TIME = 32  # answers, about two passes; then whoever else waits has a turn
SOURCES = ("list", "csv")
WORK, PASTED = "many work", "many pasted"  # session state that does not end with its widgets


@dataclass
class Work:
    """What was asked, and what has been answered so far: by `identity` of the checkpoint. Plain data only."""

    reviews: Reviews
    going: bool = True
    answers: dict[str, many_results.Answers] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)


def draw(chosen: list[CheckpointInfo]) -> None:
    """The tab: choose the reviews, ask, read the answers. They stay while other widgets move."""
    st.markdown(text("many", "lead", most=f"{MAX_REVIEWS:,}"))
    reviews = _choose_reviews()
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
    if work is None or (reviews is not None and reviews != work.reviews):
        return
    if work.going and chosen and ready:  # also after a click elsewhere interrupted it
        _classify(work, chosen)
    for refusal in work.refusals:
        st.error(escaped(refusal), icon=":material/error:")
    done = [info for info in chosen if identity(info) in work.answers and work.answers[identity(info)].complete]
    if done:
        answers = {info.name: work.answers[identity(info)] for info in done}
        many_results.show(work.reviews, done, answers)
    if len(done) < len(chosen):
        st.caption(label("many", "not_asked", n=len(chosen) - len(done)))


def identity(info: CheckpointInfo) -> str:
    """Tells a checkpoint from another one that was put into the same folder later."""
    return f"{info.path} {info.record.created}"


def _choose_reviews() -> Reviews | None:
    """The reviews of the open source; None without any, after a sentence that says what is wrong with them."""
    tabs = url.tabs("many", SOURCES, [label("many", name) for name in SOURCES])
    found: dict[str, Reviews | None] = {}
    for name, source in zip(SOURCES, (_pasted, _uploaded), strict=True):
        with tabs[name]:  # both are drawn: a widget that is not drawn forgets what it holds
            try:
                found[name] = source()
            except PeftClassroomError as error:
                found[name] = None
                st.error(escaped(error), icon=":material/error:")
    reviews = next(found[name] for name, tab in tabs.items() if tab.open)
    if reviews is not None:
        words = label("many", "found", n=f"{len(reviews.texts):,}")
        st.caption(f"{words} {label('many', 'skipped', n=reviews.skipped)}" if reviews.skipped else words)
    return reviews


def _pasted() -> Reviews | None:
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
    return read_list(pasted) if pasted.strip() else None


def _uploaded() -> Reviews | None:
    file = st.file_uploader(label("many", "file"), type=["csv", "txt"], key="many_file", max_upload_size=MAX_MEGABYTES)
    if file is None:
        st.caption(text("many", "file_format"))
        return None
    data = file.getvalue()
    table = read_table(data)
    which = hashlib.sha256(data).hexdigest()[:8]  # another file: other columns, so other widgets
    with st.container(horizontal=True, vertical_alignment="bottom"):
        has_names = st.toggle(label("many", "has_names"), table.first_row_has_names, key=f"many_names_{which}")
        if not table.body(has_names):
            raise PeftClassroomError(label("many", "only_names"))

        def name(column: int | None) -> str:
            if column is None:
                return label("many", "no_labels")
            return label("many", "column", number=column + 1, name=_words(table.cells[0][column]))

        columns = list(range(table.width))
        text_column, label_column = table.text_column(has_names), None
        if table.width > 1:
            text_column = st.selectbox(
                label("many", "text_column"), columns, text_column, format_func=name, key=f"many_column_{which}"
            )
            options = [None, *(c for c in columns if c != text_column)]
            label_column = st.selectbox(
                label("many", "label_column"),
                options,
                options.index(table.label_column(has_names, text_column)),
                format_func=name,
                key=f"many_label_{which}_{text_column}_{has_names}",
            )
    return reviews_of(table, has_names, text_column, label_column)


def _words(cell: str) -> str:
    """The start of a cell for a list of options: letters and digits only."""
    return "".join(c for c in cell[:30] if c.isalnum() or c in " _-")


def _classify(work: Work, chosen: list[CheckpointInfo]) -> None:
    """Ask what is still missing: a few reviews of like length at a time, of all checkpoints together."""
    texts = work.reviews.texts
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    total = len(texts) * len(chosen)
    bar = st.progress(0.0)
    answers = {info.name: work.answers.setdefault(identity(info), many_results.Answers(len(texts))) for info in chosen}
    refused: set[str] = set()
    step = max(1, AT_A_TIME // len(chosen))
    for start in range(0, len(order), step):
        rows = order[start : start + step]
        asked = [info for info in chosen if info.name not in refused and answers[info.name].missing(rows)]
        rows = [row for row in rows if any(answers[info.name].missing([row]) for info in asked)]
        for info, found in zip(asked, services.ask([texts[row] for row in rows], asked) if rows else (), strict=True):
            if isinstance(found, PeftClassroomError):
                work.refusals.append(str(found))
                refused.add(info.name)
                continue
            for row, prediction in zip(rows, found, strict=True):
                answers[info.name].add(row, prediction)
        done = sum(len(of_checkpoint.positive) for of_checkpoint in answers.values())
        bar.progress(done / total, label("many", "progress", done=f"{done:,}", total=f"{total:,}"))
    work.going = False
    work.refusals = list(dict.fromkeys(work.refusals))
    bar.empty()
