"""The lines of metrics.jsonl, read: what lies in the folder of a run is a stranger's data, and is checked here, once.

Whoever draws a curve may rely on it: every row is what a `StepLog` can be, and no two are of the same event and step.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from peft_core.training.loop.step_log import StepLog

MAX_BYTES = 32_000_000  # of the file: 400,000 steps have 130 bytes each with only what a step says, today's have 400
MAX_LINE = 4_096  # bytes
_LINE = TypeAdapter(StepLog)
_MEASURED = ("accuracy", "low", "high")


@dataclass(frozen=True)
class Metrics:
    """`rows`, oldest first, and how many whole lines were none. `too_large`: the file was not read."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    unread: int = 0
    too_large: bool = False

    @property
    def damaged(self) -> bool:
        """Whether something was in the file that no run writes."""
        return self.too_large or self.unread > 0


def parsed(content: bytes) -> Metrics:
    """What the whole lines say; the last may be half written at this moment, or for ever after a crash."""
    rows, unread = {}, 0
    for line in content.split(b"\n")[:-1]:
        log = _log(line)
        if log is None:
            unread += 1
        else:
            rows.setdefault((log.event, log.step), dict(vars(log)))
    return Metrics(list(rows.values()), unread)


def _log(line: bytes) -> StepLog | None:
    if len(line) > MAX_LINE:
        return None
    try:
        log = _LINE.validate_json(line, strict=True)
    except ValidationError:
        return None
    if log.event in ("validation", "test"):
        return log if None not in (log.accuracy, log.low, log.high) and log.low <= log.accuracy <= log.high else None
    return None if log.event == "step" and log.train_loss is None else log


def from_state(rows: Iterable[dict[str, Any]], start: StepLog) -> Iterator[dict[str, Any]]:
    """The lines of a run that goes on from a saved state, `start` among them: those that the state knows of.

    What came after it is about to happen again. A test comes after everything, and so do validations beyond the number
    that the state holds: the line of one is written just before the state that knows it.
    """
    validations, begun = start.done or 0, False
    for row in rows:
        event, step = row["event"], row["step"]
        if step > start.step or event == "test" or (event == "start" and step == start.step and begun):
            continue
        if event == "validation":
            validations -= 1
            if validations < 0:
                continue
        begun = begun or (event == "start" and step == start.step)
        yield row
    if not begun:
        yield asdict(start)
