"""A trained model, or a base model, measured again: what `python -m peft_core evaluate` does."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from peft_core.checkpoints.files import load_checkpoint
from peft_core.checkpoints.record import RunRecord, read_record, write_record
from peft_core.checkpoints.stored_answers import decimals
from peft_core.config import RunConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.fast import fuse
from peft_core.methods.lora.method import LoraConfig
from peft_core.reviews.draws import SHARED_SEED
from peft_core.statistics.intervals import Accuracy
from peft_core.t5.backbone import Backbone, load_backbone
from peft_core.t5.precision import cast
from peft_core.training.device import compute_dtype, pick_device
from peft_core.training.measuring import MeasuredSplit, accuracy, load_rows


def evaluate_checkpoint(folder: Path, split: str, limit: int | None) -> Accuracy:
    """Measure a saved checkpoint again, on `limit` reviews of a split (None: all of it)."""
    record = read_record(folder)
    backbone = load_backbone(record.config.base)
    model, _ = load_checkpoint(folder, backbone)
    return _evaluate(model, backbone, record.config, split, limit)[0]


def store_predictions(folder: Path) -> Accuracy:
    """Measure the test reviews of a saved checkpoint again and add the probabilities to its `run.json`.

    In the recorded precision, whatever this computer would train in: without hardware for it that is slow.

    Raises:
        PeftClassroomError: if the accuracy is another than the recorded one. Nothing is written then.
    """
    record = read_record(folder)
    backbone = load_backbone(record.config.base)
    model, _ = load_checkpoint(folder, backbone)
    dtype = getattr(torch, record.precision)
    again, positive = _evaluate(model, backbone, record.config, "test", record.config.data.test_size, dtype)
    if (again.accuracy, again.n) != (record.test.accuracy, record.test.n):
        raise PeftClassroomError(
            f"Measured here: {again.accuracy:.2%} of {again.n:,} test reviews; {folder.name} records "
            f"{record.test.accuracy:.2%} of {record.test.n:,}. Nothing was stored. Other processors and versions round "
            f"differently: this one was measured in {record.precision} on {record.device}. Measure on such a computer "
            "with the pinned requirements, or train again."
        )
    write_record(RunRecord(**{**dict(record), "test_probabilities": decimals(positive)}), folder)
    return again


def evaluate_base(name: str, split: str, limit: int | None) -> Accuracy:
    """Measure a base model that nobody has fine-tuned: where training starts from."""
    backbone = load_backbone(name)
    return _evaluate(backbone.replica(), backbone, RunConfig(base=name, method=LoraConfig()), split, limit)[0]


def _evaluate(
    model: nn.Module,
    backbone: Backbone,
    config: RunConfig,
    split: str,
    limit: int | None,
    dtype: torch.dtype | None = None,
) -> tuple[Accuracy, np.ndarray]:
    """`dtype` None: the precision this computer trains in."""
    device = pick_device()
    cast(model, dtype or compute_dtype(device))
    fuse(model.to(device), device)
    rows = load_rows(backbone, config.data, split, limit, SHARED_SEED)
    positive = MeasuredSplit(rows, backbone, device).probabilities(model)
    return accuracy(positive, rows.labels), positive
