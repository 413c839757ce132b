"""Runs as lanes of a race: what each was measured to know when it had read so many reviews, or trained so long.

Nothing is computed between two measurements: at any moment a lane knows what it knew at the last one. No torch here.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from peft_core.checkpoints.record import RunRecord
from peft_core.config import RunConfig
from peft_core.counting.by_hand import count
from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_label, what_costs
from peft_core.report.costs.measured import load_cost
from peft_core.report.reproduction.results import Results, RunResult
from peft_core.statistics.intervals import Accuracy, wilson
from peft_core.statistics.many_tests import PairOfMany, all_pairs
from peft_core.statistics.paired_test import agresti_min_interval
from peft_core.t5.architecture import base_model

Along = Literal["reviews", "seconds"]
HERE = "here"  # the machine of runs that train now


@dataclass(frozen=True)
class Moment:
    """One validation: after so many reviews and, where that is known, seconds of training and validating."""

    reviews: int
    seconds: float | None
    validation: Accuracy

    def at(self, along: Along) -> float:
        """Where it lies on the axis; a moment without a time lies nowhere, at infinity."""
        found = self.reviews if along == "reviews" else self.seconds
        return float("inf") if found is None else found


@dataclass(frozen=True)
class Racer:
    """One run. `machine`: whose seconds its times are, where it did nothing else meanwhile; None: they say nothing.

    `test_right` has whether its kept weights answered each test review right, where that was stored.
    """

    name: str
    seed: int
    moments: tuple[Moment, ...]
    machine: str | None
    test: Accuracy | None = None
    test_right: tuple[bool, ...] | None = None

    def last(self, along: Along, position: float) -> Moment | None:
        """The last measurement up to this position of the axis; None before the first."""
        return max((m for m in self.moments if m.at(along) <= position), key=lambda m: m.at(along), default=None)

    @property
    def end(self) -> Moment:
        return self.moments[-1]

    @property
    def timed(self) -> bool:
        return self.machine is not None


@dataclass(frozen=True)
class Lane:
    """One setting: its first run races, the other seeds are the band around it.

    `elsewhere` has runs of the same setting and seeds on other machines, for when seconds are told: see `side_by_side`.
    """

    key: str
    method: MethodConfig
    trainable_parameters: int
    peak_bytes: float | None  # of a training step, measured by itself
    racers: tuple[Racer, ...]
    elsewhere: tuple[Racer, ...] = ()

    @property
    def label(self) -> str:
        return method_label(self.method)

    @property
    def first(self) -> Racer:
        return self.racers[0]

    def along(self, along: Along) -> "Lane | None":
        """The lane with the runs whose place on this axis is true; None if its first run has none."""
        if along == "reviews":
            return self
        timed = tuple(racer for racer in self.racers if racer.timed)
        if not timed or not self.first.timed:
            return None
        return replace(self, racers=timed)

    @property
    def machines(self) -> tuple[str, ...]:
        """Those on which a run of it was timed, each once."""
        return tuple(dict.fromkeys(r.machine for r in (*self.racers, *self.elsewhere) if r.machine is not None))

    def on(self, machine: str) -> "Lane":
        """The lane with the runs of this machine first. The other seeds stay, without their times."""
        here = tuple(racer for racer in (*self.racers, *self.elsewhere) if racer.machine == machine)
        told = {racer.seed for racer in here}
        rest = tuple(replace(racer, machine=None) for racer in self.racers if racer.seed not in told)
        return replace(self, racers=here + rest, elsewhere=())

    def band(self, along: Along, position: float) -> tuple[float, float] | None:
        """The lowest and highest accuracy of its seeds, each as last measured; None with one seed."""
        known = [moment.validation.accuracy for racer in self.racers if (moment := racer.last(along, position))]
        return (min(known), max(known)) if len(known) > 1 else None


def recorded(results: Results, *again: Results) -> tuple[Lane, ...]:
    """The rows of a results file whose first run is done; rows that share their runs are one lane.

    Args:
        again: results on other machines, from the same base model. A run of no setting here is left out.
    """
    lanes, seen = [], set()
    for row in results.rows:
        runs = [results.result(name) for name in row.runs]
        done = [run for run in runs if isinstance(run, RunResult) and run.record and len(run.points) > 1]
        if not done or done[0] is not runs[0] or row.runs in seen:
            continue
        seen.add(row.runs)
        elsewhere = [
            run
            for more in again
            for run in more.runs
            if run.record
            and run.base_fingerprint == results.base_fingerprint
            and run.config in [r.config for r in done]
        ]
        lane = _lane(row.name, done[0].config, tuple(map(_racer, done)))
        lanes.append(replace(lane, elsewhere=tuple(map(_racer, elsewhere))))
    return tuple(lanes)


def side_by_side(lanes: Sequence[Lane]) -> tuple[Lane, ...]:
    """The lanes with the times of one machine: seconds of two belong on no axis. It is the one that has timed most.

    A lane that it has not timed stays, without times.
    """
    timed = Counter(machine for lane in lanes for machine in lane.machines)
    if not timed:
        return tuple(lanes)
    machine = max(timed, key=timed.__getitem__)
    return tuple(lane.on(machine) for lane in lanes)


def of_record(name: str, record: RunRecord) -> Lane:
    """The lane of a run of which only its record is left: it has no times."""
    train, n = record.config.train, record.validation.n
    size = record.split_sizes["train"] * train.epochs
    moments = tuple(
        Moment(min(step * train.batch_size, size), None, wilson(round(share * n), n))
        for step, share in record.validations
    )
    return _lane(name, record.config, (Racer(name, train.seed, moments, None, record.test),))


def of_metrics(name: str, config: RunConfig, metrics: Iterable[Mapping[str, Any]]) -> Lane | None:
    """The lane of a run that trains now, or has, from the lines that it writes; None before its first validation."""
    batch, size = config.train.batch_size, config.data.train_size * config.train.epochs
    moments = tuple(
        Moment(
            min(m["step"] * batch, size),
            m["seconds"],
            Accuracy(m["accuracy"], m["low"], m["high"], config.data.validation_size),
        )
        for m in metrics
        if m["event"] == "validation"
    )
    return _lane(name, config, (Racer(name, config.train.seed, moments, HERE),)) if moments else None


def _lane(key: str, config: RunConfig, racers: tuple[Racer, ...]) -> Lane:
    trainable = count(base_model(config.base).architecture, config.method).trainable_parameters
    return Lane(key, config.method, trainable, _peak(config), racers)


def _machine(run: RunResult) -> str | None:
    """The machine, with the precision that it computed in; None where it had other work: no pace was noted then."""
    if run.examples_per_second is None or not all(point.seconds for point in run.points):
        return None
    return f"{run.record.device}, {run.record.precision}"


def _racer(run: RunResult) -> Racer:
    n, train = run.record.validation.n, run.config.train
    size = run.record.split_sizes["train"] * train.epochs  # the last batch may be a smaller one
    moments = tuple(
        Moment(min(p.step * train.batch_size, size), p.seconds, wilson(round(p.validation * n), n)) for p in run.points
    )
    right = tuple(bit == "1" for bit in run.test_right) if run.test_right else None
    return Racer(run.name, train.seed, moments, _machine(run), run.record.test, right)


def _peak(config: RunConfig) -> float | None:
    """Peak memory of a training step, without libraries, as the cost benchmark measured it for this setting."""
    try:
        rows = load_cost().training
    except PeftClassroomError:
        return None
    same = (row for row in rows if row.shape == config.base and what_costs(row.method) == what_costs(config.method))
    return next((row.peak for row in same), None)


# ---------------------------------------------------------------------------------------------------------------------
# What a race is about


def length(lanes: Sequence[Lane], along: Along) -> float:
    """Where the last of them ends."""
    return max(lane.first.end.at(along) for lane in lanes)


def mark(lanes: Sequence[Lane]) -> float:
    """The accuracy to be first at: the highest whole percentage that half of the lanes are measured to reach."""
    best = sorted((max(m.validation.accuracy for m in lane.first.moments) for lane in lanes), reverse=True)
    return int(100 * best[(len(best) - 1) // 2] + 1e-9) / 100


def first_to(lanes: Sequence[Lane], accuracy: float, along: Along) -> tuple[tuple[Lane, ...], float]:
    """Who was first measured at this accuracy, and where: several, if their validations lie at the same place.

    Nobody: no lane, at infinity.
    """
    when = {
        lane.key: min((m.at(along) for m in lane.first.moments if m.validation.accuracy >= accuracy), default=np.inf)
        for lane in lanes
    }
    place = min(when.values())
    return tuple(lane for lane in lanes if when[lane.key] == place and place < np.inf), float(place)


def highest(lanes: Sequence[Lane]) -> tuple[Lane, ...]:
    """Whose last validation is the highest; several, if they are equal."""
    best = max(lane.first.end.validation.accuracy for lane in lanes)
    return tuple(lane for lane in lanes if lane.first.end.validation.accuracy == best)


def pairs(lanes: Sequence[Lane]) -> tuple[PairOfMany, ...]:
    """Every two of the lanes on the test reviews, by key, corrected for all of them (Holm); those that were stored."""
    right = {lane.key: np.array(lane.first.test_right) for lane in lanes if lane.first.test_right is not None}
    if len({len(found) for found in right.values()}) != 1:
        return ()
    return all_pairs(right, agresti_min_interval)  # in closed form: a page asks for it each time it is drawn
