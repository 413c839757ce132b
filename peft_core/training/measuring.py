"""How good is a model, and how sure can one be of that number? A split's reviews, measured again and again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from peft_core.checkpoints.passes import NOT_FINITE
from peft_core.errors import PeftClassroomError
from peft_core.reviews.batches import FILLER, Batch, encode, fixed_widths, make_batches
from peft_core.reviews.config import DataConfig
from peft_core.reviews.draws import select
from peft_core.reviews.splits import data_fingerprint, load_splits
from peft_core.statistics.intervals import Accuracy, wilson
from peft_core.t5.backbone import Backbone, label_logits
from peft_core.training.device import evaluation_batch
from peft_core.training.gradients import in_threads


@dataclass(frozen=True)
class Rows:
    """Token ids, at most `max_length` of each, and labels of some reviews."""

    encoded: list[list[int]]
    labels: np.ndarray
    fingerprint: str
    max_length: int


def load_rows(backbone: Backbone, data: DataConfig, split: str, size: int | None, seed: int) -> Rows:
    """`size` reviews of a split, half of each label (None: all), as the backbone reads them."""
    reviews = select(load_splits(data.source)[split], size, seed)
    texts, labels = reviews["text"][:], reviews["label"][:]
    encoded = encode(backbone.tokenizer, texts, backbone.base.prefix, data.max_length)
    return Rows(encoded, np.array(labels), data_fingerprint(texts, labels), data.max_length)


@dataclass(frozen=True)
class MeasuredSplit:
    """Reviews that models are measured on, in the precision that a model's weights are kept in."""

    rows: Rows
    backbone: Backbone
    device: torch.device

    def probabilities(self, model: nn.Module) -> np.ndarray:
        """p("positive") of every review, shape (rows,)."""
        pad_id, widths = self.backbone.tokenizer.pad_token_id, fixed_widths(self.rows.max_length)
        batches = make_batches(self.rows.encoded, evaluation_batch(self.device), widths, pad_id)
        return probabilities(model, batches, self.backbone.label_ids, self.device)

    def accuracy(self, model: nn.Module) -> Accuracy:
        """The share of reviews that the model has right."""
        return accuracy(self.probabilities(model), self.rows.labels)


def probabilities(
    model: nn.Module, batches: Sequence[Batch], label_ids: tuple[int, int], device: torch.device
) -> np.ndarray:
    """p("positive") of every row, in the order of row numbers, shape (rows,).

    Of the two label words alone: softmax over their logits after one decoder step.

    Raises:
        PeftClassroomError: if an answer is no finite number; such an answer is neither right nor wrong.
    """

    @torch.inference_mode()
    def classify(batch: Batch) -> np.ndarray:
        ids, mask = (torch.from_numpy(x).to(device) for x in (batch.input_ids, batch.attention_mask))
        return label_logits(model, ids, mask, label_ids).softmax(-1)[:, 1].cpu().numpy()

    was_training = model.training
    model.eval()
    threads = min(torch.get_num_threads(), len(batches)) if device.type == "cpu" else 1
    answers = in_threads(classify, batches, threads) if threads > 1 else map(classify, batches)
    result = np.zeros(sum(int((b.rows != FILLER).sum()) for b in batches))
    for batch, positive in zip(batches, answers, strict=True):
        real = batch.rows != FILLER
        result[batch.rows[real]] = positive[real]
    model.train(was_training)
    if not np.isfinite(result).all():
        raise PeftClassroomError(NOT_FINITE[0].upper() + NOT_FINITE[1:])
    return result


def accuracy(probability_positive: np.ndarray, labels: Sequence[int]) -> Accuracy:
    """Accuracy at the threshold 0.5."""
    correct = (probability_positive > 0.5) == np.asarray(labels, dtype=bool)
    return wilson(int(correct.sum()), len(correct))
