"""Whose turn is it? Places go round: everybody's next run comes before anybody's second. No torch here."""

import heapq
import time
from collections import defaultdict
from collections.abc import Sequence

from peft_core.errors import PeftClassroomError
from peft_core.training.runs.store import Run

_AHEAD_SECONDS = 60.0  # a time so far in the future is of a clock that was put back since: it says nothing


def in_turn(runs: Sequence[Run]) -> list[Run]:
    """The waiting runs, the next one first.

    A run of an owner of whom n train or wait before it comes in round n. Within a round those come first who have
    waited longest, and an owner begins to wait when his last run has ended: whoever has just had the place is behind
    all who have not. Nobody who comes later can get ahead of him for ever.
    """
    queued = [run for run in runs if run.status.queued]
    if not queued:
        return []
    now = time.time()
    ended: dict[str, float] = defaultdict(float)
    ahead: dict[str, int] = defaultdict(int)
    for run in runs:
        owner, status = run.spec.owner, run.status
        ahead[owner] += status.active
        if status.finished and status.pid is not None:  # it has had a place
            ended[owner] = max(ended[owner], _past(status.heartbeat, now))
    placed = []
    for run in sorted(queued, key=lambda run: _since(run, now)):
        owner = run.spec.owner
        placed.append((ahead[owner], max(_since(run, now)[0], ended[owner]), run.id, run))
        ahead[owner] += 1
    return [run for *_, run in sorted(placed, key=lambda place: place[:3])]


def _since(run: Run, now: float) -> tuple[float, str]:
    return _past(run.status.heartbeat, now), run.id


def _past(time: float, now: float) -> float:
    return time if time <= now + _AHEAD_SECONDS else 0.0


def check_room(runs: Sequence[Run], owner: str, places: int, per_owner: int, altogether: int) -> None:
    """See that one more run of `owner` may wait, if it has to.

    Args:
        places: how many train at a time.

    Raises:
        PeftClassroomError: if he has `per_owner` runs waiting already, or there are `altogether`.
    """
    if sum(run.status.active for run in runs) < places:
        return
    waiting = [run for run in runs if run.status.queued]
    if sum(run.spec.owner == owner for run in waiting) >= per_owner:
        raise PeftClassroomError(f"You have {per_owner} runs waiting already; wait for one to start, or cancel one.")
    if len(waiting) >= altogether:
        raise PeftClassroomError(f"{len(waiting)} runs are waiting already; try again when some have finished.")


def seconds_until_free(training: Sequence[float | None], ahead: Sequence[float | None], places: int) -> float | None:
    """When a place is free for a run that waits; None where that cannot be known.

    Args:
        training: seconds to the end of each run that trains now; None: not known.
        ahead: seconds that each run takes which is next before it, in their order.
    """
    if None in training or None in ahead or places < 1:
        return None
    free = [0.0] * (places - len(training)) + [float(seconds) for seconds in training]
    heapq.heapify(free)
    for _ in range(len(training) - places):  # more train than there are places now: they are not filled again
        heapq.heappop(free)
    for seconds in ahead:
        heapq.heapreplace(free, free[0] + seconds)
    return free[0]
