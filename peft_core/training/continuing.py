"""Train on: from a checkpoint's weights, own or imported, in a new run that says where it began; or a stopped run.

No torch here.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from peft_core.checkpoints.record import RunRecord
from peft_core.checkpoints.run_json import read_record
from peft_core.checkpoints.weights_file import checkpoint_weights
from peft_core.config import RunConfig, run_config
from peft_core.errors import PeftClassroomError
from peft_core.validated import open_regular


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


def began_in(state: Path, device: str) -> str:
    """The precision of the stopped run that left `state`, on a device of this kind; "": it does not say.

    It goes on in the same: a run of two precisions would be that of no seed, and its record would name one of them.
    """
    try:
        open_regular(state).close()  # in the place of a file there may lie something that never ends
        with safe_open(state, "numpy") as file:
            said = json.loads((file.metadata() or {})["state"])
        return str(said["precision"]) if said["device"] == device else ""
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, PeftClassroomError):
        return ""  # whoever loads it says what is wrong
