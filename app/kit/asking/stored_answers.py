"""What checkpoints answered to the test reviews when they were measured, read once for all sessions."""

from pathlib import Path

import numpy as np
import streamlit as st

from app import services
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.checkpoints.run_json import read_run
from peft_core.checkpoints.stored_answers import splits_of, stored_test


@st.cache_resource(show_spinner=False)
def splits():
    """The bundled reviews, memory-mapped: about two seconds, once for all sessions."""
    from peft_core.reviews.splits import load_splits

    return load_splits()


def answers(info: CheckpointInfo) -> tuple[np.ndarray, np.ndarray]:
    """Stored p("positive") and true labels of the test texts of a checkpoint, both of shape (n,).

    Raises:
        OSError: if its record is gone.
        PeftClassroomError: if they were not stored, or with other reviews than those installed here, or if own texts
            are gone.
    """
    return _answers(*services.stamp(info.path))


@st.cache_data(max_entries=64, show_spinner=False)
def _answers(folder: str, changed: int) -> tuple[np.ndarray, np.ndarray]:
    """`changed` is the record's time of change, for the cache."""
    record = read_run(Path(folder))
    return stored_test(record, splits_of(record, Path(folder)) if record.learned.own else splits())
