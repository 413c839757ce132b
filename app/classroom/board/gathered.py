"""The runs of the class as they are now: what is a point on the board, and how many are none."""

from dataclasses import dataclass

from app import services
from peft_core.checkpoints.record import RunRecord
from peft_core.checkpoints.run_json import read_run
from peft_core.errors import PeftClassroomError
from peft_core.report.experiments.class_runs import ClassRun
from peft_core.statistics.intervals import Accuracy
from peft_core.training.runs import Run


@dataclass(frozen=True)
class Gathered:
    """`runs`: those with a result and those that train. `waiting` and `without` a result: how many."""

    runs: tuple[ClassRun, ...]
    waiting: int
    without: int

    @property
    def under_way(self) -> bool:
        """Whether there will be more to see by itself."""
        return bool(self.waiting) or any(run.state == "going" for run in self.runs)


def gathered() -> Gathered:
    """Read them all: results from their checkpoints' records, which are kept in memory, the rest from their folders."""
    store = services.backend().store
    listed = {info.name: info.record for info in services.listing().runs if not info.shipped}
    found, waiting, without = [], 0, len(store.damaged())
    for run in store.list():
        if run.status.queued:
            waiting += 1
        elif run.status.finished:
            record = listed.get(run.id) or _just_ended(run)
            without += record is None
            found += [ClassRun.ended(run.id, record)] if record else []
        elif going := _going(run):
            found.append(going)
    return Gathered(tuple(found), waiting, without)


def _just_ended(run: Run) -> RunRecord | None:
    """The record of a run that the list of checkpoints, which is read every two seconds, does not have yet."""
    try:
        return read_run(run.checkpoint) if run.checkpoint else None
    except PeftClassroomError:
        return None


def _going(run: Run) -> ClassRun | None:
    """None: it was deleted a moment ago, or its base model is not known here."""
    try:
        rows = services.backend().store.metrics(run.id)
        last = next((row for row in reversed(rows) if row["event"] == "validation"), None)
        n = run.spec.config.data.validation_size
        measured = last and Accuracy(last["accuracy"], last["low"], last["high"], last["n"] or n)
        return ClassRun.going(run.id, run.spec.config, measured)
    except PeftClassroomError:
        return None
