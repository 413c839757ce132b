"""What the first to ask would wait for: checkpoints are loaded, and real models built and counted, before that.

It waits until this process is at rest: where a class comes at once, what is missing is done as they ask for it.
"""

from collections.abc import Callable, Iterator
from functools import partial

from app.services import garbage
from app.services.loading import IMPORTED, examples
from app.services.models import ask, checkpoints
from peft_core.report.build import build_table
from peft_core.t5.architecture import catalogue

__all__ = ["IMPORTED", "get_ready"]

LOOKS = 600  # five minutes without a moment of rest: then the class has asked for it all


def get_ready(wait: Callable[..., bool] = garbage.wait_for_rest) -> None:
    """Do it, one thing after the other, each at rest. It never draws anything."""
    for prepare in _in_order():
        if not wait(looks=LOOKS):
            return
        prepare()


def _in_order() -> Iterator[Callable[[], None]]:
    yield _verdicts
    shipped = dict.fromkeys(info.base for info in checkpoints() if info.shipped)
    for base in dict.fromkeys((*shipped, *catalogue())):
        yield partial(_counts, base)


def _verdicts() -> None:
    """Every shipped checkpoint is in memory, and its base model."""
    shipped = [info for info in checkpoints() if info.shipped]
    for text, _ in examples()[:1]:
        ask([text], [*shipped, *dict.fromkeys(info.base for info in shipped)])


def _counts(base: str) -> None:
    """What Compare counts of the report's methods and of ours, on this base model."""
    from peft_core.counting.by_numel import count_by_numel

    build_table(checkpoints(), base, count_by_numel)
