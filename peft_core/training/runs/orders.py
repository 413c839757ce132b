"""What the teacher has ordered for all runs: a small file beside them, which every backend over the folder reads.

An order never allows more than the server was started with: it makes a limit smaller, or holds the queue.
"""

import os
from pathlib import Path

from pydantic import Field

from peft_core.errors import PeftClassroomError
from peft_core.files import write_atomic, writing
from peft_core.training.runs.spec import Limits
from peft_core.validated import Frozen, read_json

_FILE = ".orders.json"
_MOST_BYTES = 4096
MOST_WORKERS = 64


def workers() -> int:
    """How many runs this server trains at a time: `PEFT_WORKERS`, otherwise one.

    Raises:
        PeftClassroomError: if that is no such number.
    """
    asked = os.environ.get("PEFT_WORKERS", "1")
    if not asked.isdecimal() or not 1 <= int(asked) <= MOST_WORKERS:
        raise PeftClassroomError(f"PEFT_WORKERS must be a number from 1 to {MOST_WORKERS}, not {asked!r}.")
    return int(asked)


class Orders(Frozen):
    """Everything that can be ordered; a limit that is None is the server's own."""

    paused: bool = Field(False, description="no run starts; those that train go on")
    max_running: int | None = Field(None, ge=1, le=MOST_WORKERS)
    max_queued_per_owner: int | None = Field(None, ge=0, le=100)
    max_seconds: float | None = Field(None, ge=60, allow_inf_nan=False)

    def limits(self, of_server: Limits) -> Limits:
        """The limits of a run that is submitted now."""
        if self.max_seconds is None:
            return of_server
        return of_server.model_copy(update={"max_seconds": min(self.max_seconds, of_server.max_seconds)})

    def at_once(self, of_server: int) -> int:
        """How many may train now."""
        return 0 if self.paused else smaller(self.max_running, of_server)


def read_orders(root: Path) -> Orders:
    """What is ordered for the runs in `root`.

    A damaged file holds the queue, since it may have said so: the teacher's page shows it as paused, and saving there
    mends it.
    """
    if not (root / _FILE).exists():
        return Orders()
    try:
        return read_json(root / _FILE, Orders, "Save the orders again.", _MOST_BYTES)
    except PeftClassroomError:
        return Orders(paused=True)


def write_orders(root: Path, orders: Orders) -> None:
    """Order this from now on.

    Raises:
        PeftClassroomError: if the folder cannot be written.
    """
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
    write_atomic(root / _FILE, orders.model_dump_json(indent=2))


def smaller(ordered: int | None, of_server: int) -> int:
    """A number that is ordered, where it is below the server's own."""
    return of_server if ordered is None else min(ordered, of_server)
