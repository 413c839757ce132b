"""Checkpoints with dials, and how many fixed test reviews each place of a dial has right: for all sessions."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.services.ahead import Ahead
from app.services.models import exclusive_predictor, predictor, stamp
from app.services.remembered import Remembered
from peft_core.checkpoints.dials.setting import Offered, Setting
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError
from peft_core.reviews.config import REVIEWS, Learned
from peft_core.reviews.own.stored import check_texts, texts_beside
from peft_core.reviews.splits import load_splits
from peft_core.reviews.tasks import Split, in_task
from peft_core.statistics.intervals import Accuracy, wilson

if TYPE_CHECKING:
    from torch import nn

FIXED_A_LABEL = 100  # test reviews of each label, the shortest: enough to see a fall, few enough to wait for
AT_A_TIME = 8  # of them: between two such passes whoever turns a dial is served
MOST_KEPT = 300  # places of dials whose fixed reviews are remembered
MOST_ANSWERS = 5_000  # of single texts that are remembered, each a number


@dataclass(frozen=True)
class Place:
    """One checkpoint with its dials so, or (with `second`) two blended at `t`."""

    info: CheckpointInfo
    setting: Setting
    second: CheckpointInfo | None = None
    t: float = 0.0

    @property
    def key(self) -> tuple:
        """Two equal ones answer alike; a checkpoint that was replaced on disk is another."""
        if not self.setting.on:
            return self.info.base, self.info.task
        files = tuple(stamp(info.path) for info in (self.info, self.second) if info)
        return files, self.setting, self.t


@dataclass
class FixedTest:
    """The answers of one place so far: whether each of the first fixed reviews is right."""

    total: int
    right: list[bool] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return len(self.right) == self.total

    @property
    def measured(self) -> Accuracy | None:
        """The accuracy on those that have been asked, with its 95% interval."""
        return wilson(sum(self.right), len(self.right)) if self.right else None


def offered(info: CheckpointInfo) -> Offered:
    """Which dials this checkpoint has.

    Raises:
        PeftClassroomError: if it cannot be loaded, or the server is too busy.
    """
    return _offered(*stamp(info.path), info.base)


@st.cache_resource(max_entries=100, show_spinner=False)
def _offered(folder: str, changed: int, base: str) -> Offered:
    with exclusive_predictor(base):
        return _dialled(folder, changed, base).offered


def dial(place: Place, text: str, ahead: bool = False) -> float:
    """What is answered to one text with the dials so, p(positive). It is computed once for all sessions.

    Args:
        ahead: nobody waits for it; whoever asks for something goes first.

    Raises:
        PeftClassroomError: for a text that cannot be read, a dial that is not there, or two that cannot be blended.
    """
    learned = place.info.record.learned
    answers, asked = _answers(), (place.key, learned.task_key)
    if (found := answers.get(text, asked)) is not None:
        return found
    with exclusive_predictor(place.info.base, long=ahead) as one:
        if (found := answers.get(text, asked)) is None:  # it may have been answered while this one waited
            model, max_length = _model(place)
            found = one.classify_with_model(text, model, max_length, learned)[0].probability_positive
            answers.put(text, asked, found)
        return found


def ask_ahead(who: str, text: str, places: Sequence[Place]) -> threading.Event:
    """Let a thread ask about `text` at these places, in order, while nobody waits; set when it is through.

    Args:
        who: the session; what it wanted before is dropped.
    """
    return _ahead().want(who, [lambda place=place: _quietly(place, text) for place in places])


def _quietly(place: Place, text: str) -> None:
    with suppress(PeftClassroomError, OSError):  # whoever moves the dial there asks again, and is told
        dial(place, text, ahead=True)


@st.cache_resource(show_spinner=False)
def _ahead() -> Ahead:
    return Ahead()


@st.cache_resource(show_spinner=False)
def _answers() -> Remembered[float]:
    return Remembered(MOST_ANSWERS)


def known(place: Place) -> FixedTest:
    """What has been asked of this place so far; nothing is computed.

    Raises:
        PeftClassroomError: if it is about own texts, and these are gone.
    """
    found = _fixed_tests().get(place.key)
    return FixedTest(found.total, list(found.right)) if found else FixedTest(_how_many(place.info))


def _how_many(info: CheckpointInfo) -> int:
    return len(_fixed_texts(info)[0]) if info.record.learned.own else 2 * FIXED_A_LABEL


def fixed_test(place: Place) -> FixedTest:
    """The same, a few reviews farther.

    Raises:
        PeftClassroomError: as `dial`.
    """
    learned = place.info.record.learned
    kept, texts, labels = _fixed_tests(), *_fixed_texts(place.info)
    with exclusive_predictor(place.info.base, long=True) as one:
        found = kept.setdefault(place.key, FixedTest(len(texts)))
        kept.move_to_end(place.key)
        while len(kept) > MOST_KEPT:
            kept.popitem(last=False)
        if not found.complete:
            done = slice(len(found.right), len(found.right) + AT_A_TIME)
            model, max_length = _model(place)
            said = one.classify_with_model(texts[done], model, max_length, learned)
            found.right += [(p.probability_positive > 0.5) == y for p, y in zip(said, labels[done], strict=True)]
        return FixedTest(found.total, list(found.right))


@st.cache_resource(show_spinner=False)
def fixed_reviews(learned: Learned = REVIEWS) -> tuple[Sequence[str], Sequence[int]]:
    """Texts and labels of the fixed test reviews, as the task has them: the shortest of each label, in turns.

    Raises:
        PeftClassroomError: of own texts, which no reviews stand in for.
    """
    return _shortest(in_task(learned, load_splits())["test"])


def _fixed_texts(info: CheckpointInfo) -> tuple[Sequence[str], Sequence[int]]:
    """What its accuracy with the dials so is of: the fixed reviews, or test texts of its own run."""
    learned = info.record.learned
    return _fixed_own(str(info.path), learned) if learned.own else fixed_reviews(learned)


@st.cache_resource(max_entries=16, show_spinner=False)
def _fixed_own(folder: str, learned: Learned) -> tuple[Sequence[str], Sequence[int]]:
    texts = texts_beside(Path(folder), learned)
    check_texts(learned, texts)
    return _shortest(texts.splits()["test"])


def _shortest(test: Split) -> tuple[Sequence[str], Sequence[int]]:
    """Of each label at most so many, in turns as long as there are of both."""
    texts, labels = test["text"][:], test["label"][:]
    of_label = [
        sorted((i for i, y in enumerate(labels) if y == wanted), key=lambda i: len(texts[i])) for wanted in (0, 1)
    ]
    pairs = zip_longest(*(rows[:FIXED_A_LABEL] for rows in of_label))
    rows = [row for pair in pairs for row in pair if row is not None]
    return [texts[row] for row in rows], [labels[row] for row in rows]


@st.cache_resource(show_spinner=False)
def _fixed_tests() -> OrderedDict[tuple, FixedTest]:
    return OrderedDict()


def _model(place: Place) -> tuple["nn.Module", int]:
    """To be called, and its model used, by whoever has the predictor to himself."""
    if place.second is None:
        dialled = _dialled(*stamp(place.info.path), place.info.base)
        return dialled.at(place.setting), dialled.max_length
    blend = _blend(*stamp(place.info.path), *stamp(place.second.path), place.info.base)
    return blend.at(place.t), blend.max_length


@st.cache_resource(max_entries=6, show_spinner=False)
def _dialled(folder: str, changed: int, base: str):
    """`changed` is the record's time of change, for the cache."""
    from peft_core.checkpoints.dials.dialled import Dialled

    return Dialled(Path(folder), predictor(base).backbone)


@st.cache_resource(max_entries=4, show_spinner=False)
def _blend(folder: str, changed: int, second: str, second_changed: int, base: str):
    from peft_core.checkpoints.dials.blend import Blend

    return Blend(Path(folder), Path(second), predictor(base).backbone)
