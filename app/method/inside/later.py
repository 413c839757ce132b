"""A moment between a run's validations is asked the validation reviews later: where somebody looks at it, once for all.

A few reviews at a time, each in a turn of its own: whoever asks a model meanwhile does not wait for the rest.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app import services
from app.method.inside import film
from app.method.inside.runs import Filmed
from app.services.remembered import remembered_for
from peft_core.reviews.own.stored import read_texts
from peft_core.statistics.intervals import Accuracy, wilson
from peft_core.training.snapshots.moments import Moment

if TYPE_CHECKING:
    from peft_core.analysis.inside.asked_later import AskedLater

MOST_KEPT = 2000  # moments


@dataclass
class Asked:
    """How many of a moment's validation reviews have been asked so far, in how many parts, and how many were right."""

    parts: int = 0
    right: int = 0
    reviews: int = 0
    whole: bool = False


def between(moment: Moment) -> bool:
    """Whether the run has not validated the weights of this moment, and kept them, so that they can be asked."""
    return moment.measured_at < moment.step and moment.form == "tensors"


def asked(run: Filmed, moment: Moment) -> Asked:
    """How far it is. Nothing is computed."""
    return _kept().get(_key(run, moment), Asked())


def known(run: Filmed, moments: Sequence[Moment]) -> dict[int, Accuracy]:
    """By step: the accuracy of those moments that have been asked all reviews."""
    found = {moment.step: asked(run, moment) for moment in moments if between(moment)}
    return {step: wilson(one.right, one.reviews) for step, one in found.items() if one.whole}


def go_on(run: Filmed, first: Moment, shown: Moment) -> None:
    """Ask a few reviews more.

    Args:
        first: of the run's moments.

    Raises:
        PeftClassroomError: if a snapshot is damaged, own texts are gone, or the server is too busy.
    """
    kept, key = _kept(), _key(run, shown)
    texts = str(run.folder.parent) if shown.config.data.own else ""
    with services.exclusive_predictor(run.base, long=True):
        now = kept.setdefault(key, Asked())
        if now.whole:  # another visitor had the turn before this one
            return
        asker = _asker(run.base, str(run.folder), film.stamp(run, first), texts)
        right, of = asker.right(shown.step, now.parts)
        now.parts, now.right, now.reviews = now.parts + 1, now.right + right, now.reviews + of
        now.whole = now.parts == len(asker)
        while len(kept) > MOST_KEPT:
            kept.popitem(last=False)


def _key(run: Filmed, moment: Moment) -> tuple[str, int, int]:
    return str(run.folder), moment.step, film.stamp(run, moment)


@st.cache_resource(show_spinner=False)
def _kept() -> OrderedDict[tuple[str, int, int], Asked]:
    return OrderedDict()


@remembered_for(seconds=600, most=2)  # own texts are to be gone soon after their run
def _asker(base: str, folder: str, stamp: int, texts: str) -> "AskedLater":
    """Called, and used, while no other session computes. `texts`: the folder of own ones, or nothing."""
    from peft_core.analysis.inside.asked_later import AskedLater

    return AskedLater(film.reel(base, folder, stamp), read_texts(Path(texts)) if texts else None)
