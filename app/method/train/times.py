"""How long things take here: a run that may be started, one that is under way, the line in front of one that waits."""

import time

from app import services
from app.content import label
from app.kit.formats import rough
from peft_core.config import RunConfig
from peft_core.training.pace import Pace, find_pace
from peft_core.training.runs import Run, seconds_until_free


def pace_for(config: RunConfig) -> Pace | None:
    """The pace of the newest run here, or of the shipped one."""
    return find_pace(config, services.checkpoints(), services.machine())


def own_estimate(config: RunConfig) -> float | None:
    """Seconds from the first validation to the end of the test, by what was measured here; None: nothing yet."""
    pace = pace_for(config)
    return pace.seconds(config) if pace and pace.here else None


def remaining(run: Run) -> float | None:
    """Seconds to the end of a run that trains or waits: by its own pace, before that is known by an earlier run's."""
    status = run.status
    if status.active and status.remaining is not None:
        return max(0.0, status.remaining - (time.time() - status.heartbeat))
    expected = own_estimate(run.spec.config)
    left = None if expected is None else expected - status.seconds
    return left if left is not None and left > 0 else None


def waiting(run: Run) -> float | None:
    """Seconds until a place is free for a run in line; None where that cannot be known."""
    backend = services.backend()
    ahead = backend.ahead_of(run.id)
    training = [remaining(other) for other in ahead if other.status.active]
    before = [remaining(other) for other in ahead if not other.status.active]
    return seconds_until_free(training, before, backend.places)


def expected(config: RunConfig) -> str:
    """How long that would take, phase by phase, and whether it is in time; empty where nothing is known."""
    pace, machine = pace_for(config), services.machine()
    if pace is None:
        return ""
    values = {
        "time": rough(pace.seconds(config)),
        "training": rough(pace.training(config)),
        "validating": rough(pace.validating(config)),
        "testing": rough(pace.testing(config)),
        "device": pace.record.device,
    }
    words = [label("train", "estimate_here" if pace.here else "estimate", **values)]
    if machine and not pace.here and machine[1] != pace.record.precision:
        words.append(label("train", "estimate_other", there=pace.record.precision, here=machine[1]))
    allowed, asked = pace.steps(config)
    if allowed < asked:
        words.append(label("train", "cut", steps=f"{allowed:,}", full=f"{asked:,}"))
    return " ".join(words)
