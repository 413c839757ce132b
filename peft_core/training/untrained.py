"""What a model answered before it was trained, kept so that it is measured once. No torch here.

Every run compares its test reviews before and after. Before, it is the base model itself, and the same for all runs on
the same reviews: its answers lie in `cache_dir()`, one file for each base, reviews, length, precision and label words.
A file that is damaged is none, and is written anew.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from peft_core.checkpoints.run_json import SEAL, seal_of
from peft_core.checkpoints.stored_answers import decimals
from peft_core.errors import PeftClassroomError
from peft_core.files import write_atomic
from peft_core.paths import cache_dir

Of = Mapping[str, Any]  # what the answers depend on


def known_answers(of: Of, reviews: int) -> np.ndarray | None:
    """p("positive") of every review, shape (reviews,), if they have been measured; None if not, or no longer whole."""
    try:
        held = json.loads(_file(of).read_bytes())
        seal = held.pop(SEAL)
        positive = np.array(held["positive"], dtype=np.float64)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    whole = seal == seal_of(held) and held["of"] == dict(of) and positive.shape == (reviews,)
    return positive if whole and ((positive >= 0) & (positive <= 1)).all() else None


def keep_answers(of: Of, positive: Sequence[float] | np.ndarray) -> None:
    """Keep them for the next run. Where the folder cannot be written, the next run measures them again."""
    held: dict[str, Any] = {"of": dict(of), "positive": decimals(positive)}
    held = json.loads(json.dumps(held))  # lists, as they will be read
    with suppress(PeftClassroomError, OSError):
        _file(of).parent.mkdir(parents=True, exist_ok=True)
        write_atomic(_file(of), json.dumps(held | {SEAL: seal_of(held)}))


def _file(of: Of) -> Path:
    name = hashlib.sha256(json.dumps(dict(of), sort_keys=True).encode()).hexdigest()[:32]
    return cache_dir() / "untrained" / f"{name}.json"
