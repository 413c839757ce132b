"""Truncations for the screen: those stored beside the weights, and those measured now on a few test reviews.

Measuring now takes one turn a model: between two of them other sessions compute. What has been measured is plain data
in the session, so that a click elsewhere loses nothing.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app import services
from app.content import label
from app.kit.asking import stored_answers
from app.kit.plain import escaped
from app.rank_lab import data
from app.services.remembered import remembered_for
from peft_core.analysis.spectra.truncation_file import TRUNCATION, Truncation, read_truncation
from peft_core.analysis.spectra.truncation_finding import Finding, find
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError

if TYPE_CHECKING:
    from peft_core.analysis.spectra.truncation import TruncationTest, Which

WORK = "enough work"  # session state: what is being measured, and what has been
KEPT = 8  # truncations that a session remembers


@dataclass(frozen=True)
class Shown:
    """A truncation on the screen; `now`: measured on this page, not read from a file."""

    info: CheckpointInfo
    title: str
    truncation: Truncation
    now: bool


@dataclass
class Work:
    """What is being measured (None: nothing), its answers so far, and what is done, by `identity`."""

    info: CheckpointInfo | None = None
    limit: int = 0
    right: "dict[Which, str]" = field(default_factory=dict)
    done: dict[str, Truncation] = field(default_factory=dict)
    refusal: str = ""


def identity(info: CheckpointInfo) -> str:
    """Tells a checkpoint from another one that was put into the same folder later."""
    return f"{info.path} {info.record.created}"


def is_stored(info: CheckpointInfo) -> bool:
    """Whether something was measured and stored; it may still be damaged."""
    return (info.path / TRUNCATION).is_file()


def stored(info: CheckpointInfo) -> Truncation:
    """What was measured and stored of a checkpoint.

    Raises:
        PeftClassroomError: if it is damaged or belongs to other weights.
    """
    return _stored(str(info.path), (info.path / TRUNCATION).stat().st_mtime_ns, data.changed(info))


@st.cache_data(max_entries=64, show_spinner=False)
def _stored(folder: str, file_changed: int, changed: int) -> Truncation:
    return read_truncation(Path(folder))


def finding(shown: Shown) -> Finding:
    """What the truncation shows; reading the test reviews takes seconds the first time."""
    known = [info for info in services.checkpoints() if info.method == "lora"]
    return _finding(shown.info, shown.truncation, known, tuple(identity(info) for info in known))


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs={CheckpointInfo: identity, Truncation: repr})
def _finding(info: CheckpointInfo, truncation: Truncation, _known: list[CheckpointInfo], identities: tuple) -> Finding:
    bundled = info.record.config.data.source == "bundled"
    return find(info, truncation, _known, stored_answers.splits() if bundled else None)


# ---------------------------------------------------------------------------------------------------------------------
# Now


def work() -> Work:
    """What this session measures."""
    return st.session_state.setdefault(WORK, Work())


def begin(info: CheckpointInfo, limit: int) -> None:
    """Measure this next, on `limit` test reviews."""
    mine = work()
    mine.info, mine.limit, mine.right, mine.refusal = info, limit, {}, ""


def go_on() -> None:
    """Measure what is still missing, a model a turn, with a bar. What cannot be measured is kept as a sentence."""
    mine = work()
    if mine.info is None:
        return
    bar = st.progress(0.0, label("rank_lab", "measuring", done=0, total="…"))
    try:
        test = _test(mine.info.base, str(mine.info.path), data.changed(mine.info), mine.limit)
        models = test.models()
        for which in models:
            bar.progress(len(mine.right) / len(models), _progress(which, len(mine.right), len(models)))
            if which not in mine.right:
                with services.exclusive_predictor(mine.info.base, long=True):
                    mine.right[which] = test.right(which)
        mine.done[identity(mine.info)] = test.result(mine.right)
        while len(mine.done) > KEPT:
            mine.done.pop(next(iter(mine.done)))
    except PeftClassroomError as error:
        mine.refusal = str(error)
    mine.info = None
    bar.empty()


def _progress(which: "Which", done: int, total: int) -> str:
    name = label("rank_lab", f"model_{which}") if isinstance(which, str) else label("rank_lab", "model_cut", k=which)
    return f"{label('rank_lab', 'measuring', done=done, total=total)} {escaped(name)}"


@remembered_for(seconds=600, most=2)
def _test(base: str, folder: str, changed: int, limit: int) -> "TruncationTest":
    """The updates with their SVDs and the reviews, once for all sessions that measure the same: up to 100 MB."""
    from peft_core.analysis.spectra.truncation import TruncationTest

    with services.exclusive_predictor(base, long=True) as predictor:
        test = TruncationTest(Path(folder), predictor.backbone, limit)
        for delta in test.deltas.values():  # decomposed now, in a turn of their own
            _ = delta.svd
    return test
