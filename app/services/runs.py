"""The training runs of this server."""

import os
import shutil
from collections.abc import Iterable

import streamlit as st

from app.services.loading import libraries
from app.services.visitor import owner
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError
from peft_core.training.runs import Backend, Run, open_backend


@st.cache_resource(show_spinner=False)
def backend() -> Backend:
    """The runs of this server, those that outlived the last one included."""
    return open_backend()


@st.cache_resource(show_spinner=False)
def _keep_spare() -> None:
    """From now on a worker is kept ready, unless PEFT_SPARE_WORKER=0 saves its memory (0.4 GB)."""
    backend().keep_spare = os.environ.get("PEFT_SPARE_WORKER", "1") != "0"


def has_ended(run_id: str) -> bool:
    """Whether nothing more happens to this run. One that was never taken has not ended: it may still be submitted."""
    try:
        return backend().store.read(run_id).status.finished
    except PeftClassroomError:
        return False


def start() -> None:
    """Run on every page view: start the background import, and let waiting runs start (a few ms)."""
    st.session_state["loaded at first"] = libraries().ready.is_set(), libraries().finished.is_set()
    if libraries().finished.is_set() and not libraries().error:  # not while this process still imports the same
        _keep_spare()
    backend().reconcile()


def free_disk() -> int | None:
    """Free bytes where the runs are; None before there is a folder."""
    try:
        return shutil.disk_usage(backend().store.root).free
    except OSError:
        return None


def own_runs() -> list[Run]:
    """The runs that this browser has started, newest first."""
    return backend().store.list(owner())


def own_first(infos: Iterable[CheckpointInfo]) -> tuple[CheckpointInfo, ...]:
    """The same checkpoints: those of this browser's own runs first, the newest at the front, then the others as given.

    The last weights of a run, where it keeps them beside its best, stand behind it.
    """
    infos = tuple(infos)
    place = {run.path: number for number, run in enumerate(own_runs())}
    last = len(place)
    return tuple(sorted(infos, key=lambda info: last if info.shipped else place.get(info.path.resolve().parent, last)))
