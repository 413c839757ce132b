"""Measure a model on the reviews of a split: at the end of a run, and again from a checkpoint's folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from peft_core.checkpoints.files import load_checkpoint
from peft_core.checkpoints.record import RunRecord, read_record, write_record
from peft_core.config import RunConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.fast import fuse
from peft_core.methods.lora.method import LoraConfig
from peft_core.reviews.batches import Batch, encode, fixed_widths, make_batches
from peft_core.reviews.config import DataConfig
from peft_core.reviews.draws import SHARED_SEED, select
from peft_core.reviews.splits import data_fingerprint, load_splits
from peft_core.statistics.intervals import Accuracy
from peft_core.t5.backbone import Backbone, load_backbone
from peft_core.t5.precision import cast
from peft_core.training.device import compute_dtype, evaluation_batch, pick_device
from peft_core.training.evaluation import accuracy, probabilities


@dataclass(frozen=True)
class Rows:
    """Token ids and labels of some reviews."""

    encoded: list[list[int]]
    labels: np.ndarray
    fingerprint: str

    def batches(self, pad_id: int, max_length: int, rows: int) -> list[Batch]:
        """`rows` reviews each, in order of length, for measuring."""
        return make_batches(self.encoded, rows, fixed_widths(max_length), pad_id)


def load_rows(backbone: Backbone, data: DataConfig, split: str, size: int | None, seed: int) -> Rows:
    """`size` reviews of a split, half of each label (None: all), as the backbone reads them."""
    reviews = select(load_splits(data.source)[split], size, seed)
    texts, labels = reviews["text"][:], reviews["label"][:]
    encoded = encode(backbone.tokenizer, texts, backbone.base.prefix, data.max_length)
    return Rows(encoded, np.array(labels), data_fingerprint(texts, labels))


def predict(model: nn.Module, rows: Rows, backbone: Backbone, config: RunConfig, device: torch.device) -> np.ndarray:
    """p("positive") of every row, shape (rows,), in the precision that the model's weights are kept in."""
    batches = rows.batches(backbone.tokenizer.pad_token_id, config.data.max_length, evaluation_batch(device))
    return probabilities(model, batches, backbone.label_ids, device)


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
    dtype = dtype or compute_dtype(device)
    cast(model, dtype)
    fuse(model.to(device), device)
    rows = load_rows(backbone, config.data, split, limit, SHARED_SEED)
    positive = predict(model, rows, backbone, config, device)
    return accuracy(positive, rows.labels), positive


def decimals(probabilities: Sequence[float] | np.ndarray) -> tuple[float, ...]:
    """For `run.json`: each as the shortest decimal number that is read back as the same fp32 number."""
    return tuple(float(str(p)) for p in np.asarray(probabilities, dtype=np.float32))
