"""The runs of a class as one experiment: which may be put into one line, and what that line says. No torch here.

Runs are comparable that differ in nothing but the method's own number and the seed: the same base model, texts, amount
of training and settings. Another seed draws other reviews to train on, another start and another order, so runs at the
same number are replicates: how far they lie apart is what a difference has to be held against.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log2
from typing import Literal

from peft_core.checkpoints.record import RunRecord, Split
from peft_core.config import RunConfig
from peft_core.counting.by_hand import count
from peft_core.methods.registry import method_of
from peft_core.statistics.intervals import Accuracy
from peft_core.statistics.trend import LEAST, Trend, trend
from peft_core.t5.architecture import base_model

Along = Literal["knob", "trainable"]  # the method's own number, or how many numbers it trains
Reason = Literal["going", "early", "again", "other_base"]  # why a run of the group is not in its line
CHANGES_NOTHING = {
    "seed",
    "max_seconds",
    "test_curve",
    "learning_rate",
}  # of a run that went to its end; its rate is beside


@dataclass(frozen=True)
class ClassRun:
    """One run: what was asked for, and what is known of it.

    `state`: it went to its end, was stopped before, or trains. `given`: digest of the base model under it.
    """

    id: str
    config: RunConfig
    state: Literal["done", "early", "going"]
    trainable_parameters: int
    measured: Mapping[Split, Accuracy]
    given: str | None = None

    @classmethod
    def ended(cls, run_id: str, record: RunRecord) -> "ClassRun":
        """A run with a result."""
        return cls(
            run_id,
            record.config,
            "done" if record.stopped_by == "epochs" else "early",
            record.trainable_parameters,
            {"validation": record.validation, "test": record.test},
            record.base_fingerprint,
        )

    @classmethod
    def going(cls, run_id: str, config: RunConfig, last: Accuracy | None) -> "ClassRun":
        """A run that trains; `last`: its last validation, if it had one.

        Raises:
            PeftClassroomError: if its base model is not known here.
        """
        counted = count(base_model(config.base).architecture, config.method)
        return cls(run_id, config, "going", counted.trainable_parameters, {"validation": last} if last else {})

    @property
    def knob(self) -> int | None:
        """The method's own number; None: it has none."""
        knob = method_of(self.config.method).knob
        return None if knob is None else getattr(self.config.method, knob.field)

    @property
    def setting(self) -> dict[str, object]:
        """All that two comparable runs share, in plain values."""
        config = self.config
        return {
            "base": config.base,
            "method": config.method.method,
            **method_of(config.method).beside_knob(config.method),
            **config.data.model_dump(mode="json", exclude={"own"}),
            "task": config.data.task_key,  # holds no text of a user
            **config.train.model_dump(mode="json", exclude=CHANGES_NOTHING),
            "learning_rate": config.learning_rate,
            "start_from": config.start_from,
        }

    def value(self, along: Along) -> int | None:
        """What it is drawn at."""
        return self.knob if along == "knob" else self.trainable_parameters


@dataclass(frozen=True)
class Group:
    """Comparable runs, oldest first. `key` tells it from others, also on another day."""

    key: str
    setting: Mapping[str, object]
    runs: tuple[ClassRun, ...]


def groups(runs: Iterable[ClassRun]) -> tuple[Group, ...]:
    """Every run in its group; the group with most results first, of two alike the one that was begun first."""
    found: dict[str, list[ClassRun]] = {}
    for run in sorted(runs, key=lambda run: run.id):  # an id begins with the time
        found.setdefault(_key(run.setting), []).append(run)
    made = [Group(key, inside[0].setting, tuple(inside)) for key, inside in found.items()]
    return tuple(sorted(made, key=lambda group: -sum(run.state == "done" for run in group.runs)))


def _key(setting: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(setting, sort_keys=True, default=str).encode()).hexdigest()[:8]


@dataclass(frozen=True)
class Fit:
    """The line through a group: which runs it is of, which are left out and why; no `trend` through too few values."""

    used: tuple[ClassRun, ...]
    left_out: Mapping[Reason, tuple[ClassRun, ...]]
    values: tuple[int, ...]
    trend: Trend | None


def fit(group: Group, along: Along, split: Split) -> Fit:
    """The line of accuracy on reviews of `split` against the log₂ of the number: its slope is what a doubling gives."""
    given = [run.given for run in group.runs if run.state == "done"]
    usual = max(given, key=given.count, default=None)
    seen: set[tuple[int | None, int]] = set()
    used: list[ClassRun] = []
    left_out: dict[Reason, list[ClassRun]] = {}
    for run in group.runs:
        same = run.knob, run.config.train.seed  # the same draws: the same run once more, and no replicate
        if run.state != "done":
            left_out.setdefault(run.state, []).append(run)
        elif run.given != usual:
            left_out.setdefault("other_base", []).append(run)
        elif same in seen:
            left_out.setdefault("again", []).append(run)
        else:
            seen.add(same)
            used.append(run)
    values = tuple(sorted({value for run in used if (value := run.value(along)) is not None}))
    line = None
    if len(values) >= LEAST:
        measured = [run.measured[split] for run in used]
        right = [round(one.accuracy * one.n) for one in measured]
        line = trend([log2(run.value(along)) for run in used], right, [one.n for one in measured])
    return Fit(tuple(used), {why: tuple(runs) for why, runs in left_out.items()}, values, line)
