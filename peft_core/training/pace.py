"""How long would a training run take here, test included? At the pace of one that was measured. No torch here."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.checkpoints.record import RunRecord
from peft_core.config import RunConfig


@dataclass(frozen=True)
class Pace:
    """A finished run of the same method on the same base. `here`: this computer trained it."""

    record: RunRecord
    examples_per_second: float
    here: bool
    measured_per_second: float

    def training(self, config: RunConfig) -> float:
        """Estimated seconds of the steps of `config`, were there no time limit.

        In proportion to the longest reviews: those of 160 tokens read 1.9 times as fast as those of 320 (docs/log.md).
        """
        return config.data.train_size * config.train.epochs / self.examples_per_second * self._longer(config)

    def validating(self, config: RunConfig) -> float:
        """Estimated seconds of all its validations, the one before the first step included."""
        steps = math.ceil(config.data.train_size / config.train.batch_size) * config.train.epochs
        reviews = config.data.validation_size * (1 + min(config.train.evaluations, steps))
        return reviews / self.measured_per_second * self._longer(config)

    def testing(self, config: RunConfig) -> float:
        """Estimated seconds of the final test; what the base model answers to it is known, as a rule."""
        return (config.data.test_size or self.record.test.n) / self.measured_per_second * self._longer(config)

    def seconds(self, config: RunConfig) -> float:
        """Estimated seconds from the first validation to the end of the test, within the time limit."""
        limit = math.inf if config.train.max_seconds is None else config.train.max_seconds
        return min(self.training(config) + self.validating(config), limit) + self.testing(config)

    def steps(self, config: RunConfig) -> tuple[int, int]:
        """(steps that the time limit allows, steps asked for)."""
        asked = math.ceil(config.data.train_size / config.train.batch_size) * config.train.epochs
        limit = math.inf if config.train.max_seconds is None else config.train.max_seconds
        share = (limit - self.validating(config)) / self.training(config)
        return (asked if share >= 1 else max(1, int(share * asked))), asked

    def _longer(self, config: RunConfig) -> float:
        return config.data.max_length / self.record.config.data.max_length


def measured_per_second(record: RunRecord) -> float | None:
    """Reviews that the run measured a second; None if its record does not say.

    Of an older record: its seconds are those of steps and validations, and the pace of the steps is known.
    """
    if record.measured_per_second:
        return record.measured_per_second
    if not record.examples_per_second:
        return None
    seconds = record.seconds - record.steps * record.config.train.batch_size / record.examples_per_second
    return len(record.validations) * record.validation.n / seconds if seconds > 0 else None


def find_pace(config: RunConfig, infos: Iterable[CheckpointInfo], machine: tuple[str, str] | None) -> Pace | None:
    """The newest run that this computer made, or else a shipped one; None if there is neither.

    Args:
        infos: as `list_checkpoints` has them: shipped ones first, then the newest.
        machine: device and precision of a run here, as records have them; None: not known yet, and whatever is in the
            folder of runs counts as made here.
    """
    shipped = None
    for info in infos:
        if (info.base, info.method) != (config.base, config.method.method):
            continue
        record, speed, measured = info.record, info.record.examples_per_second, measured_per_second(info.record)
        if not speed or not measured:
            continue
        if info.shipped:
            shipped = shipped or Pace(record, speed, False, measured)
        elif machine in (None, (record.device, record.precision)):
            return Pace(record, speed, True, measured)
    return shipped
