"""Cached handles of the server, by concern: the heavy libraries, the runs, the models, the numbers. One of each for all
sessions. Pages say `services.checkpoints()`; what is behind it stands in one of these files.
"""

from app.services import dials, live
from app.services.loading import examples, libraries, rerun_when_ready
from app.services.models import (
    ask,
    checkpoints,
    exclusive_predictor,
    label_words,
    let_pass,
    listing,
    loadable,
    predictor,
    stamp,
    untrained_test,
    why_not_loadable,
)
from app.services.numbers import device, machine, no_device, numel, numel_by_part
from app.services.opened import MOST as MOST_OPENED
from app.services.opened import askable, open_zip, opened, tasks
from app.services.runs import backend, free_disk, has_ended, own_first, own_runs, start
from app.services.swaps import SECONDS as SWAP_SECONDS
from app.services.swaps import measured_swaps
from app.services.this_computer import computer, look_again
from app.services.visitor import asks_for_login, has_teacher, is_operator, is_teacher, leave, names, owner

__all__ = [
    "MOST_OPENED",
    "SWAP_SECONDS",
    "ask",
    "askable",
    "asks_for_login",
    "backend",
    "checkpoints",
    "computer",
    "device",
    "dials",
    "examples",
    "exclusive_predictor",
    "free_disk",
    "has_ended",
    "has_teacher",
    "is_operator",
    "is_teacher",
    "label_words",
    "leave",
    "let_pass",
    "libraries",
    "listing",
    "live",
    "loadable",
    "look_again",
    "machine",
    "measured_swaps",
    "names",
    "no_device",
    "numel",
    "numel_by_part",
    "open_zip",
    "opened",
    "own_first",
    "own_runs",
    "owner",
    "predictor",
    "rerun_when_ready",
    "stamp",
    "start",
    "tasks",
    "untrained_test",
    "why_not_loadable",
]
