"""Cached handles of the server, by concern: the heavy libraries, the runs, the models, the numbers. One of each for all
sessions. Pages say `services.checkpoints()`; what is behind it stands in one of these files.
"""

from app.services.libraries import examples, heavy, rerun_when_ready
from app.services.models import ask, checkpoints, loadable, predictor, turn
from app.services.numbers import device, machine, numel, numel_by_part
from app.services.runs import backend, has_ended, owner, start

__all__ = [
    "ask",
    "backend",
    "checkpoints",
    "device",
    "examples",
    "has_ended",
    "heavy",
    "loadable",
    "machine",
    "numel",
    "numel_by_part",
    "owner",
    "predictor",
    "rerun_when_ready",
    "start",
    "turn",
]
