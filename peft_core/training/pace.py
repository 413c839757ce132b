"""How long would a training run take here? At the pace of one that was measured. No torch here."""

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

    def seconds(self, config: RunConfig) -> float:
        """Estimated seconds to train `config`, without validations.

        In proportion to the longest reviews: those of 160 tokens read 1.9 times as fast as those of 320 (docs/log.md).
        """
        longer = config.data.max_length / self.record.config.data.max_length
        return config.data.train_size * config.train.epochs / self.examples_per_second * longer


def find_pace(config: RunConfig, infos: Iterable[CheckpointInfo], machine: tuple[str, str] | None) -> Pace | None:
    """The newest run that this computer made, or else a shipped one; None if there is neither.

    Args:
        infos: as `list_checkpoints` has them: shipped ones first, then the newest.
        machine: device and precision of a run here, as records have them; None: not known yet, and whatever is in the
            folder of runs counts as made here.
    """
    shipped = None
    for info in infos:
        record, speed = info.record, info.record.examples_per_second
        if (info.base, info.method) != (config.base, config.method.method) or speed is None:
            continue
        if info.shipped:
            shipped = shipped or Pace(record, speed, here=False)
        elif machine in (None, (record.device, record.precision)):
            return Pace(record, speed, here=True)
    return shipped
