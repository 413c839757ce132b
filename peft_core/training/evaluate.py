"""A trained model, or a base model, measured again: what `python -m peft_core evaluate` does."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from peft_core.checkpoints.files import bound, load_checkpoint
from peft_core.checkpoints.record import AdoptedRecord, Measured, Record, RunRecord
from peft_core.checkpoints.run_json import read_record, read_run_json, write_record
from peft_core.checkpoints.stored_answers import decimals
from peft_core.errors import PeftClassroomError
from peft_core.reviews.batches import encode
from peft_core.reviews.config import DataConfig
from peft_core.reviews.draws import SHARED_SEED
from peft_core.reviews.own.stored import StoredTexts, texts_beside
from peft_core.reviews.splits import data_fingerprint
from peft_core.statistics.intervals import Accuracy
from peft_core.t5.backbone import Backbone, load_backbone
from peft_core.training.device import compute_dtype, pick_device, place
from peft_core.training.measuring import MeasuredSplit, Rows, accuracy, load_rows


def evaluate_checkpoint(
    folder: Path, split: str, limit: int | None, base: str | None = None, texts: StoredTexts | None = None
) -> Accuracy:
    """Measure a saved checkpoint again, on `limit` reviews of a split (None: all of it).

    Args:
        base: where its base model lies, if not where its record says.
        texts: of the task own, if they are not in the folder of its run.
    """
    record = read_record(folder)
    backbone = load_backbone(base or record.base, record.prefix).answering(record.learned.words)
    model, _ = load_checkpoint(folder, backbone)
    texts = texts or texts_beside(folder, record.learned)
    data = _data(record, texts)
    return _measured(model, backbone, load_rows(backbone, data, split, limit, SHARED_SEED, texts))[0]


def evaluate_on(folder: Path, texts: Sequence[str], labels: Sequence[int], base: str | None = None) -> Accuracy:
    """Measure a saved checkpoint on other texts.

    Args:
        texts: as `reviews.checks.check_text` leaves them.
        labels: of each text 0 or 1, the place of its class in the checkpoint's two.
        base: where its base model lies, if not where its record says.
    """
    record = read_record(folder)
    backbone = load_backbone(base or record.base, record.prefix).answering(record.learned.words)
    model, _ = load_checkpoint(folder, backbone)
    encoded = encode(backbone.tokenizer, texts, backbone.base.prefix, record.max_length)
    rows = Rows(lambda: encoded, np.array(labels), data_fingerprint(texts, labels), record.max_length)
    return _measured(model, backbone, rows)[0]


def measure_again(folder: Path, base: str | None = None, texts: StoredTexts | None = None) -> Accuracy:
    """Measure the test reviews of a saved checkpoint and note in its `run.json` what was measured, of which weights.

    A run's own figures are kept, and bound to the weights, only if the accuracy is the recorded one. Then the record
    also gets the probabilities. A checkpoint from elsewhere, or changed since its run, gets its first figure.

    A run is measured in the recorded precision, whatever this computer would train in: without hardware for it that is
    slow. `base`, `texts`: as in `evaluate_checkpoint`.

    Raises:
        PeftClassroomError: if the accuracy is another than the recorded one. Nothing is written then.
    """
    written, record = read_run_json(folder), read_record(folder)
    backbone = load_backbone(base or record.base, record.prefix).answering(record.learned.words)
    model, _ = load_checkpoint(folder, backbone)
    texts = texts or texts_beside(folder, written.learned)
    data = _data(written, texts)
    rows = load_rows(backbone, data, "test", data.test_size, SHARED_SEED, texts)
    if isinstance(written, AdoptedRecord) or (isinstance(record, AdoptedRecord) and record.origin == "changed"):
        again, _ = _measured(model, backbone, rows)
        kept = record if isinstance(written, RunRecord) else written
        write_record(bound(kept.model_copy(update={"test": Measured.of("test", again)}), backbone, folder), folder)
        return again
    again, positive = _measured(model, backbone, rows, getattr(torch, written.precision))
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
    return _measured(backbone.replica(), backbone, load_rows(backbone, DataConfig(), split, limit, SHARED_SEED))[0]


def _data(record: Record, texts: StoredTexts | None) -> DataConfig:
    """The texts of its run; of a checkpoint without one, the reviews bundled here, with the labels of its task.

    Raises:
        PeftClassroomError: if it has learned own texts in no run, and these are others or not there.
    """
    if isinstance(record, RunRecord):
        return record.config.data
    if record.own is not None and texts is not None:
        data = texts.data(record.own.labels, record.own.words, record.max_length)
        return data.model_copy(update={"own": record.own})  # whose digest is held against that of the texts
    if record.own is not None:
        raise PeftClassroomError(
            "It has learned texts of somebody's own, which are not known here, so it cannot be measured."
        )
    return DataConfig(max_length=record.max_length, task=record.task)


def _measured(
    model: nn.Module, backbone: Backbone, rows: Rows, dtype: torch.dtype | None = None
) -> tuple[Accuracy, np.ndarray]:
    """`dtype` None: the precision this computer trains in."""
    device = pick_device()
    place(model, device, dtype or compute_dtype(device))
    positive = MeasuredSplit(rows, backbone, device).probabilities(model)
    return accuracy(positive, rows.labels), positive
