"""What the first to ask would wait for: checkpoints are loaded, and real models built and counted, before that.

It waits until this process is at rest: where a class comes at once, what is missing is done as they ask for it.
"""

from collections.abc import Callable

from app.services import garbage
from app.services.loading import IMPORTED, examples
from app.services.models import ask, checkpoints
from peft_core.t5.architecture import base_model

__all__ = ["IMPORTED", "get_ready"]

LOOKS = 600  # five minutes without a moment of rest: then the class has asked for it all


def get_ready(wait: Callable[..., bool] = garbage.wait_for_rest) -> None:
    """Do it, one thing after the other, each at rest. It never draws anything."""
    for prepare in (_verdicts, _counts):
        if not wait(looks=LOOKS):
            return
        prepare()


def _verdicts() -> None:
    """Every shipped checkpoint is in memory, and its base model."""
    shipped = [info for info in checkpoints() if info.shipped]
    for text, _ in examples()[:1]:
        ask([text], [*shipped, *dict.fromkeys(info.base for info in shipped)])


def _counts() -> None:
    """The counts of the shipped checkpoints' methods."""
    from peft_core.counting.by_numel import count_by_numel

    for info in checkpoints():
        if info.shipped:
            count_by_numel(base_model(info.base), info.record.method)
