"""Train on from a checkpoint's weights, own or imported: a new run that says where it began. No torch here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peft_core.checkpoints.record import RunRecord
from peft_core.checkpoints.run_json import read_record
from peft_core.checkpoints.weights_file import checkpoint_weights
from peft_core.config import RunConfig, run_config


def continuation(
    checkpoint: Path, data: Mapping[str, Any], train: Mapping[str, Any], base: str | None = None
) -> RunConfig:
    """The configuration of a run that starts with the weights of `checkpoint`.

    Base model and method are its own; so are the texts of its run, where nothing else is said in `data`. How to train
    is said anew: its rate has fallen to zero.

    Args:
        base: where its base model lies, if not where its record says.

    Raises:
        PeftClassroomError: if the checkpoint is damaged, or a value is out of bounds.
    """
    record = read_record(checkpoint)
    learned = {"task": record.learned.task, "own": record.learned.own}
    own = record.config.data.model_dump() if isinstance(record, RunRecord) else {"max_length": record.max_length}
    own |= learned if data.get("task") in (None, record.learned.task) else {"own": None}
    return run_config(
        {
            "base": base or record.base,
            "method": record.method.model_dump(),
            "data": own | dict(data),
            "train": dict(train),
            "start_from": checkpoint_weights(checkpoint, record.method).sha256,
        }
    )
