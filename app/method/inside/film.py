"""The pictures of a run's moments, computed once for all sessions: by run, moment, place and words."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app import services
from app.method.inside.runs import Filmed
from peft_core.analysis.inside.seen import Seen
from peft_core.errors import PeftClassroomError
from peft_core.methods.inside import Kind
from peft_core.t5.names import Place
from peft_core.training.snapshots.moments import Moment, file_of

if TYPE_CHECKING:
    from peft_core.analysis.inside.reel import Reel


@dataclass(frozen=True)
class About:
    """What there is to be seen of a run: which kind of picture, if any, and at which places."""

    kind: Kind | None
    places: tuple[Place, ...]


def about(run: Filmed, first: Moment) -> About:
    """The same for all of its moments.

    Raises:
        PeftClassroomError: if its snapshots cannot be read, or the server is too busy.
    """
    return _about(run.base, str(run.folder), stamp(run, first))


def film(run: Filmed, moments: tuple[Moment, ...], place: Place, words: str) -> list[Seen | PeftClassroomError]:
    """What is seen at each moment, or why nothing is."""
    first, found = stamp(run, moments[0]), []
    for moment in moments:
        try:
            made = stamp(run, moment)
            found.append(_seen(run.base, str(run.folder), first, moment.step, made, place.name, words))
        except PeftClassroomError as error:
            found.append(error)
    return found


def stamp(run: Filmed, moment: Moment) -> int:
    """When the moment was written, for what is remembered; a file that is gone by now says so when it is read."""
    try:
        return file_of(run.folder, moment.step).stat().st_mtime_ns
    except OSError:
        return 0


@st.cache_resource(max_entries=16, show_spinner=False)
def reel(base: str, folder: str, stamp: int) -> "Reel":
    """Called, and used, while no other session computes."""
    from peft_core.analysis.inside.reel import Reel

    return Reel(Path(folder), services.predictor(base).backbone)


@st.cache_resource(max_entries=64, show_spinner=False)
def _about(base: str, folder: str, stamp: int) -> About:
    with services.exclusive_predictor(base):
        found = reel(base, folder, stamp)
        return About(found.kind, found.places())


@st.cache_resource(max_entries=1024, show_spinner=False)
def _seen(base: str, folder: str, stamp: int, step: int, made: int, place: str, words: str) -> Seen:
    """`stamp` and `made`: when the first moment and this one were written."""
    with services.exclusive_predictor(base):
        found = reel(base, folder, stamp)
        found.look_again()
        return found.seen(step, place, words)
