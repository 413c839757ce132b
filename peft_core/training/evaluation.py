"""How good is a model, and how sure can one be of that number?"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from peft_core.reviews.batches import FILLER, Batch
from peft_core.statistics.intervals import Accuracy, wilson
from peft_core.t5.backbone import label_logits
from peft_core.training.gradients import in_threads


def probabilities(
    model: nn.Module, batches: Sequence[Batch], label_ids: tuple[int, int], device: torch.device
) -> np.ndarray:
    """p("positive") of every row, in the order of row numbers, shape (rows,).

    Of the two label words alone: softmax over their logits after one decoder step.
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
    return result


def accuracy(probability_positive: np.ndarray, labels: Sequence[int]) -> Accuracy:
    """Accuracy at the threshold 0.5."""
    correct = (probability_positive > 0.5) == np.asarray(labels, dtype=bool)
    return wilson(int(correct.sum()), len(correct))
