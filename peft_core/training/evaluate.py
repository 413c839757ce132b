"""A trained model, or a base model, measured again: what `python -m peft_core evaluate` does."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from peft_core.checkpoints.files import bound, load_checkpoint
from peft_core.checkpoints.record import AdoptedRecord, Measured, Record, RunRecord
from peft_core.checkpoints.run_json import read_record, read_run_json, write_record
from peft_core.checkpoints.stored_answers import decimals
from peft_core.errors import PeftClassroomError
from peft_core.methods.fast import fuse
from peft_core.reviews.config import DataConfig
from peft_core.reviews.draws import SHARED_SEED
from peft_core.reviews.own.stored import StoredTexts, read_texts
from peft_core.statistics.intervals import Accuracy
from peft_core.t5.backbone import Backbone, load_backbone
from peft_core.t5.precision import cast
from peft_core.training.device import compute_dtype, pick_device
from peft_core.training.measuring import MeasuredSplit, accuracy, load_rows


def evaluate_checkpoint(folder: Path, split: str, limit: int | None, base: str | None = None) -> Accuracy:
    """Measure a saved checkpoint again, on `limit` reviews of a split (None: all of it).

    Args:
        base: where its base model lies, if not where its record says.
    """
    record = read_record(folder)
    backbone = load_backbone(base or record.base, record.prefix).answering(record.learned.words)
    model, _ = load_checkpoint(folder, backbone)
    return _evaluate(model, backbone, _data(record), split, limit, texts=_texts(folder, record))[0]


def measure_again(folder: Path, base: str | None = None) -> Accuracy:
    """Measure the test reviews of a saved checkpoint and note in its `run.json` what was measured, of which weights.

    A run's own figures are kept, and bound to the weights, only if the accuracy is the recorded one. Then the record
    also gets the probabilities. A checkpoint from elsewhere, or changed since its run, gets its first figure.

    A run is measured in the recorded precision, whatever this computer would train in: without hardware for it that is
    slow.

    Raises:
        PeftClassroomError: if the accuracy is another than the recorded one. Nothing is written then.
    """
    written, record = read_run_json(folder), read_record(folder)
    backbone = load_backbone(base or record.base, record.prefix).answering(record.learned.words)
    model, _ = load_checkpoint(folder, backbone)
    data, texts = _data(written), _texts(folder, written)
    if isinstance(written, AdoptedRecord) or (isinstance(record, AdoptedRecord) and record.origin == "changed"):
        again, _ = _evaluate(model, backbone, data, "test", data.test_size, texts=texts)
        kept = record if isinstance(written, RunRecord) else written
        write_record(bound(kept.model_copy(update={"test": Measured.of("test", again)}), backbone, folder), folder)
        return again
    dtype = getattr(torch, written.precision)
    again, positive = _evaluate(model, backbone, data, "test", data.test_size, dtype, texts)
    if (again.accuracy, again.n) != (written.test.accuracy, written.test.n):
        raise PeftClassroomError(
            f"Measured here: {again.accuracy:.2%} of {again.n:,} test reviews; {folder.name} records "
            f"{written.test.accuracy:.2%} of {written.test.n:,}. Nothing was stored. Other processors and versions "
            f"round differently: this one was measured in {written.precision} on {written.device}. Measure on such a "
            "computer with the pinned requirements, or train again."
        )
    new = RunRecord(**{**dict(written), "test_probabilities": decimals(positive)})
    write_record(bound(new, backbone, folder), folder)
    return again


def evaluate_base(name: str, split: str, limit: int | None) -> Accuracy:
    """Measure a base model that nobody has fine-tuned: where training starts from."""
    backbone = load_backbone(name)
    return _evaluate(backbone.replica(), backbone, DataConfig(), split, limit)[0]


def _data(record: Record) -> DataConfig:
    """The texts of its run; of a checkpoint without one, the reviews bundled here, with the labels of its task.

    Raises:
        PeftClassroomError: if it has learned own texts in no run.
    """
    if isinstance(record, RunRecord):
        return record.config.data
    if record.own is not None:
        raise PeftClassroomError(
            "It has learned texts of somebody's own, which are not known here, so it cannot be measured."
        )
    return DataConfig(max_length=record.max_length, task=record.task)


def _texts(folder: Path, record: Record) -> StoredTexts | None:
    """The own texts in the folder of its run, which is the one that the checkpoint lies in."""
    return read_texts(folder.resolve().parent) if record.learned.own else None


def _evaluate(
    model: nn.Module,
    backbone: Backbone,
    data: DataConfig,
    split: str,
    limit: int | None,
    dtype: torch.dtype | None = None,
    texts: StoredTexts | None = None,
) -> tuple[Accuracy, np.ndarray]:
    """`dtype` None: the precision this computer trains in."""
    device = pick_device()
    cast(model, dtype or compute_dtype(device))
    fuse(model.to(device), device)
    rows = load_rows(backbone, data, split, limit, SHARED_SEED, texts)
    positive = MeasuredSplit(rows, backbone, device).probabilities(model)
    return accuracy(positive, rows.labels), positive
