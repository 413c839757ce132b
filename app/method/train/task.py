"""What is learned: film reviews, the same with swapped labels, or a file of one's own. The control on Train.

Nothing of a file is stored here: it is in this session's memory until its run is submitted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from app import services
from app.content import label, text
from app.kit import url
from app.kit.asking.table_preview import table_preview, upload
from app.kit.pages import TASK
from app.kit.plain import escaped
from peft_core.config import Preset, TrainConfig, presets_of
from peft_core.errors import PeftClassroomError
from peft_core.reviews.config import DataConfig, TaskName
from peft_core.reviews.own.stored import BOUNDS, Brought, StoredTexts, bring, read_texts
from peft_core.statistics.intervals import Accuracy
from peft_core.t5.architecture import BaseModel
from peft_core.training.runs import Run

TASKS: tuple[TaskName, ...] = ("reviews", "lie", "own")
KEPT = "own texts"  # in the session, as long as that lasts
MAX_PASTED = 1_000_000


@dataclass(frozen=True)
class TaskChoice:
    """What is to be learned. `brought` and `words` are of own texts; without both, such a run cannot start yet."""

    task: TaskName
    brought: Brought | None = None
    words: tuple[str, str] | None = None

    @property
    def ready(self) -> bool:
        """Whether there is something to train on."""
        return self.task != "own" or (self.brought is not None and self.words is not None)

    @property
    def texts(self) -> StoredTexts | None:
        """What goes into the run's folder."""
        return self.brought.texts if self.brought and self.ready else None

    @property
    def presets(self) -> Mapping[str, Preset]:
        """The presets of this task, the shortest first; none before there are texts."""
        if self.task == "own" and self.brought is None:
            return {}
        return presets_of(self.task, self.fixed_size or 0)

    @property
    def fixed_size(self) -> int | None:
        """How many texts are trained on, where nothing is to be chosen: all of one's own."""
        return len(self.brought.texts.train) if self.brought else None

    @property
    def batch_size(self) -> int:
        """Small where there are few texts, as in the shortest preset."""
        return next((preset.batch_size for preset in self.presets.values()), TrainConfig().batch_size)

    def data(self, train_size: int, max_length: int) -> DataConfig:
        """The data of a run; `train_size` counts where it is a choice. Not ready: as of the film reviews."""
        if self.task == "own":
            if self.brought and self.words:
                return self.brought.texts.data(self.brought.labels, self.words, max_length)
            return DataConfig(train_size=train_size, max_length=max_length)
        return DataConfig(task=self.task, train_size=train_size, max_length=max_length)


def task_choice(base: BaseModel) -> TaskChoice:
    """The control, and for own texts the file, its columns, and what was made of them."""
    task = url.one_of(TASK, label("task", "title"), {name: label("task", name) for name in TASKS})
    st.markdown(text("task", task))
    if task != "own":
        return TaskChoice(task)
    try:
        brought = _brought()
        if brought is None:
            return TaskChoice(task)
        words = services.label_words(base.name, brought.labels)
    except PeftClassroomError as error:
        st.error(escaped(error), icon=":material/error:")
        return TaskChoice(task)
    _said(brought, words)
    return TaskChoice(task, brought, words)


def _brought() -> Brought | None:
    """What the person has brought, checked and split; kept while other pages are visited."""
    found = _choose()
    if found is not None:
        st.session_state[KEPT] = _split(*found)
    return st.session_state.get(KEPT)


@st.cache_resource(scope="session", max_entries=2, show_spinner=False)
def _split(texts: list[str], cells: list[str], labels: tuple[str, str]) -> Brought:
    """Once a table: every widget that moves draws the page again."""
    return bring(texts, cells, labels)


def _choose() -> tuple[list[str], list[str], tuple[str, str]] | None:
    """Texts, labels and the two classes of an uploaded or pasted table. None as long as something is not said."""
    one, two = st.columns(2)
    with one:
        file = upload("own_file", label("task", "file"))
    pasted = two.text_area(
        label("task", "paste"), key="own_pasted", max_chars=MAX_PASTED, placeholder=label("task", "placeholder")
    )
    content = file.getvalue() if file is not None else pasted.encode()
    if not content.strip():
        return None
    st.session_state.pop(KEPT, None)  # of another file
    told = table_preview(
        "own", content, BOUNDS, needs_labels=True, classes=(label("task", "one"), label("task", "two"))
    )
    if told is None:
        return None
    rows, meant = told.table.body(told.has_names), {value.casefold(): what for value, what in told.meaning.items()}
    one, two = (", ".join(value for value, what in told.meaning.items() if what == which) for which in (0, 1))
    classes = [meant.get(row[told.label_column].strip().casefold()) for row in rows]
    names = ["" if which is None else (one, two)[which] for which in classes]
    return [row[told.text_column] for row in rows], names, (one, two)


def _said(brought: Brought, words: tuple[str, str] | None) -> None:
    """The classes, the splits, the words; what was left out. Class names are shown letter for letter."""
    (one, other), (few, many), (train, validation, test) = brought.labels, brought.counts, brought.texts.sizes
    counts = {"one": escaped(one), "other": escaped(other), "few": f"{few:,}", "many": f"{many:,}"}
    sizes = {"train": f"{train:,}", "validation": f"{validation:,}", "test": f"{test:,}"}
    said = [label("task", "classes", **counts), label("task", "sizes", **sizes)]
    if words is None:
        said.append(label("task", "words_pending"))
    elif {word.casefold() for word in words} == {name.casefold() for name in brought.labels}:
        said.append(label("task", "words_own"))
    else:
        said.append(label("task", "words_other", one=escaped(one), other=escaped(other), no=words[0], yes=words[1]))
    if brought.left_out:
        said.append(label("task", "left_out", n=f"{brought.left_out:,}"))
    if brought.copies:
        said.append(label("task", "copies", n=f"{brought.copies:,}"))
    st.success(" ".join(said), icon=":material/check:")


def yardstick(run: Run) -> None:
    """After a run on own texts: what word counts make of the very same split."""
    if run.spec.config.data.own is None:
        return
    try:
        test = _word_counts(run.path, run.spec.config.data.own.sha256)
    except PeftClassroomError as error:
        st.caption(escaped(error))
        return
    if test is not None:
        st.caption(label("task", "yardstick", accuracy=f"{test.accuracy:.1%}", n=f"{test.n:,}"))


@st.cache_data(max_entries=32, show_spinner=False)
def _word_counts(_folder: Path, sha256: str) -> Accuracy | None:
    """Accuracy of word counts on the test texts in a run's folder; None if they are gone. The digest is the key."""
    from peft_core.reviews.word_counts import count_words

    texts = read_texts(_folder)
    return count_words(texts.splits(), at_least=1).test if texts else None
