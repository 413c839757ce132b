"""Keep a model that no run here has trained: on what texts, this program does not know.

Its record has no accuracy, for none was measured on reviews that are known here. `evaluate --store` measures it.
"""

import time
from pathlib import Path

from torch import nn

from peft_core.checkpoints.files import save_checkpoint
from peft_core.checkpoints.record import AdoptedRecord
from peft_core.errors import PeftClassroomError
from peft_core.methods import trainable_tensors
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_label
from peft_core.reviews.config import REVIEWS, DataConfig, Learned
from peft_core.t5.backbone import Backbone


def save_model(
    model: nn.Module,
    method: MethodConfig,
    backbone: Backbone,
    folder: str | Path,
    max_length: int = DataConfig().max_length,
    source: str = "a script",
    learned: Learned = REVIEWS,
) -> Path:
    """Write what `method` has trained in `model` as a checkpoint that every page and command reads; gives its folder.

    Args:
        model: a copy of `backbone`'s, on which `apply_method` has put `method`.
        folder: of the new checkpoint.
        max_length: tokens of a text that it is to read.
        source: what trained it, in a few words.
        learned: what it has learned: it answers with that task's words.

    Raises:
        PeftClassroomError: if `folder` exists already, or the model has nothing that trains.
    """
    trained = trainable_tensors(model)
    if not trained:
        raise PeftClassroomError("Nothing in this model trains: apply_method puts a method on it.")
    all_of_them = {id(p): p for p in model.parameters()}
    record = AdoptedRecord(
        name=f"{method_label(method)}, {source}",
        task=learned.task,
        own=learned.own,
        base=backbone.base.name,
        method=method,
        max_length=max_length,
        origin="own",
        source=source,
        base_fingerprint=backbone.fingerprint,
        trainable_parameters=sum(p.numel() for p in trained.values()),
        total_parameters=sum(p.numel() for p in all_of_them.values()),
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )
    save_checkpoint(model, record, backbone, folder)
    return Path(folder)
