"""How good is a model, and how sure can one be of that number?"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from peft_core.backbone import label_logits
from peft_core.batches import FILLER, Batch
from peft_core.intervals import Accuracy, wilson


@torch.inference_mode()
def probabilities(
    model: nn.Module, batches: Sequence[Batch], label_ids: tuple[int, int], device: torch.device
) -> np.ndarray:
    """p("positive") of every row, in the order of row numbers, shape (rows,).

    Of the two label words alone: softmax over their logits after one decoder step.
    """
    was_training = model.training
    model.eval()
    result = np.zeros(sum(int((b.rows != FILLER).sum()) for b in batches))
    for batch in batches:
        logits = label_logits(
            model,
            torch.from_numpy(batch.input_ids).to(device),
            torch.from_numpy(batch.attention_mask).to(device),
            label_ids,
        )
        real = batch.rows != FILLER
        result[batch.rows[real]] = logits.softmax(-1)[:, 1].cpu().numpy()[real]
    model.train(was_training)
    return result


def accuracy(probability_positive: np.ndarray, labels: Sequence[int]) -> Accuracy:
    """Accuracy at the threshold 0.5."""
    correct = (probability_positive > 0.5) == np.asarray(labels, dtype=bool)
    return wilson(int(correct.sum()), len(correct))
