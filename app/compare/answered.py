"""Checkpoints that answered the same test reviews, and what tells every two of them apart: read and tested once."""

from collections.abc import Iterable, Sequence

import numpy as np
import streamlit as st

from app import services
from app.content import label
from app.kit.asking import stored_answers
from app.kit.plain import escaped
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError
from peft_core.statistics.intervals import Accuracy, wilson
from peft_core.statistics.many_tests import PairOfMany, all_pairs

MOST = 24  # checkpoints, 276 pairs: shipped ones, then the newest


def alike() -> list[CheckpointInfo]:
    """Checkpoints with stored answers to the same bundled test reviews: the largest such group, the first of it."""
    groups: dict[int, list[CheckpointInfo]] = {}
    for info in services.checkpoints():
        if info.record.test_probabilities is not None and info.record.config.data.source == "bundled":
            groups.setdefault(info.record.test.n, []).append(info)
    return max(groups.values(), key=len, default=[])[:MOST]


def right(infos: Sequence[CheckpointInfo]) -> dict[str, np.ndarray] | None:
    """Which reviews each of them has right, by name; None, after a sentence, if that is not known (yet)."""
    loaded = services.libraries()
    if len(infos) < 2:
        st.info(label("compare", "too_few"), icon=":material/info:")
    elif not loaded.finished.is_set() or loaded.error:
        st.info(loaded.error or label("compare", "loading_reviews"), icon=":material/hourglass_top:")
    else:
        try:
            return _right(infos)
        except (OSError, PeftClassroomError) as error:
            st.info(escaped(error), icon=":material/info:")
    return None


def pairs(infos: Sequence[CheckpointInfo]) -> tuple[PairOfMany, ...] | None:
    """Every two of them; None, after a sentence, as `right`."""
    answers = right(infos)
    return None if answers is None else _pairs(_stamps(infos), answers)


def pairs_at_hand() -> tuple[PairOfMany, ...]:
    """Every two of all that are alike; empty as long as they cannot be tested. Draws nothing."""
    infos, loaded = alike(), services.libraries()
    if len(infos) < 2 or not loaded.finished.is_set() or loaded.error:
        return ()
    try:
        return _pairs(_stamps(infos), _right(infos))
    except (OSError, PeftClassroomError):
        return ()


def overlapping(found: Iterable[PairOfMany]) -> int:
    """How many of these pairs have 95% Wilson intervals that overlap: as bars they would look like a tie."""
    return sum(_meet(*(wilson(share * it.n, it.n) for share in (it.first_accuracy, it.second_accuracy)))
               for it in (pair.test for pair in found))  # fmt: skip


def _meet(one: Accuracy, other: Accuracy) -> bool:
    return one.low <= other.high and other.low <= one.high


def _right(infos: Iterable[CheckpointInfo]) -> dict[str, np.ndarray]:
    answers = {info.name: stored_answers.answers(info) for info in infos}
    return {name: (positive > 0.5) == truth for name, (positive, truth) in answers.items()}


def _stamps(infos: Iterable[CheckpointInfo]) -> tuple:
    """Folder and time of change of every record, for the cache."""
    return tuple(services.stamp(info.path) for info in infos)


@st.cache_data(max_entries=16, show_spinner=False)
def _pairs(stamps: tuple, _right: dict[str, np.ndarray]) -> tuple[PairOfMany, ...]:
    return all_pairs(_right)
