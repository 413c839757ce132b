"""What the app needs of whatever trains its runs, and which one that is: `PEFT_CLASSROOM_BACKEND`."""

import os
from typing import Protocol

from peft_core.errors import PeftClassroomError
from peft_core.paths import runs_dir
from peft_core.reviews.own.stored import StoredTexts
from peft_core.training.runs.local import LocalBackend
from peft_core.training.runs.orders import Orders, workers
from peft_core.training.runs.spec import RunSpec
from peft_core.training.runs.store import Run, RunStore
from peft_core.training.runs.upkeep import Upkeep


class Backend(Protocol):
    """Takes runs, lets them wait their turn, starts them, stops them. What has become of one is in its folder.

    `tests/training/runs/test_backends.py` holds every backend to this.
    """

    store: RunStore
    max_running: int  # how many train at a time, as far as that is known now
    keep_spare: bool  # whether one worker is kept ready, where the backend can
    trouble: str | None  # what whoever waits should know: one sentence
    upkeep: Upkeep  # how much runs take up, and which old ones are collected

    @property
    def places(self) -> int:
        """How many may train now: `max_running`, unless the teacher ordered fewer, or none."""

    def orders(self) -> Orders:
        """What the teacher has ordered for all runs."""

    def submit(self, spec: RunSpec, texts: StoredTexts | None = None) -> None:
        """Take a run and start it, or let it wait. Submitting it again changes nothing."""

    def cancel(self, run_id: str) -> None:
        """Stop a run: at once if it waits, otherwise as soon as it can save where it is."""

    def keep(self, run_id: str) -> None:
        """Let a run finish now with its best weights so far."""

    def resume(self, run_id: str) -> None:
        """Go on with a run that was cancelled, failed or got lost."""

    def reconcile(self) -> None:
        """Take note of what ended, press what should stop, start what waits. Never waits for anybody else."""

    def queue_position(self, run_id: str) -> int | None:
        """1 for the run that starts next; None for one that does not wait."""

    def ahead_of(self, run_id: str) -> list[Run]:
        """The runs that train now, and those that wait and start before this one."""


def open_backend() -> Backend:
    """The backend that `PEFT_CLASSROOM_BACKEND` names: "local" (default), or "ray", over the folder of runs.

    Raises:
        PeftClassroomError: if there is no such backend, or its settings cannot be used.
    """
    kind = os.environ.get("PEFT_CLASSROOM_BACKEND") or "local"
    if kind == "local":
        return LocalBackend(RunStore(), max_running=workers())
    if kind == "ray":
        from peft_core.training.runs.cluster.ray import RayBackend, SharedStore
        from peft_core.training.runs.cluster.settings import ray_settings

        if not runs_dir().is_dir():
            raise PeftClassroomError(
                f"With Ray the folder of runs lies on a disk that every node mounts, and {runs_dir()} is not there. "
                "Make it, or set PEFT_RUNS_DIR to the folder that is meant."
            )
        return RayBackend(SharedStore(), ray_settings())
    raise PeftClassroomError(f'There is no backend {kind!r}; set PEFT_CLASSROOM_BACKEND to "local" or "ray".')
