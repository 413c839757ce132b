"""One step of training: it knows a model with some trainable parameters, and nothing of methods, validations or time.

    loss = −log p(label word | review)        over the whole vocabulary, after one decoder step

AdamW moves whatever has `requires_grad`. The learning rate warms up, then falls linearly to zero at the last step.
Everything random is a function of (seed, step). fp32 is masters.py's, threads are gradients.py's.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from peft_core.config import TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods import trainable_tensors
from peft_core.reviews.batches import FILLER, Batch
from peft_core.t5.backbone import first_step_hidden
from peft_core.training.loop.gradients import gradients, slices_for
from peft_core.training.loop.masters import Masters

IGNORED = -100


class Stepper:
    """A model that takes steps of AdamW; `step` counts them, and `planned_steps` is how many there are to be.

    Args:
        learning_rate: the highest on the way.
        labels: label (0 or 1) of each training row.
    """

    def __init__(
        self,
        model: nn.Module,
        config: TrainConfig,
        learning_rate: float,
        labels: torch.Tensor,
        label_ids: tuple[int, int],
        device: torch.device,
        planned_steps: int,
    ) -> None:
        self.model, self.config, self.peak_rate, self.device = model, config, learning_rate, device
        self.targets = torch.tensor(label_ids)[labels]
        self.trainable = trainable_tensors(model)
        self.weights = Masters(self.trainable)
        self.slices = slices_for(model, device, config.batch_size)
        self.optimizer = torch.optim.AdamW(
            self.weights.values(), lr=learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.planned_steps, self.step = planned_steps, 0

    def rate_at(self, step: int) -> float:
        """Learning rate of step `step` (0, 1, …), as things are planned now."""
        return self.config.rate_at(step, self.planned_steps, self.peak_rate)

    def loss(self, batch: Batch, counted: int | None = None) -> torch.Tensor:
        """Cross-entropy of the label word, added up and divided by `counted` (None: the rows that are no filler)."""
        rows = torch.from_numpy(batch.rows)
        targets = torch.where(rows == FILLER, IGNORED, self.targets[rows.clamp(min=0)])
        ids, mask, targets = (to_device(x, self.device) for x in (batch.input_ids, batch.attention_mask, targets))
        logits, _ = first_step_hidden(self.model, ids, mask)
        total = F.cross_entropy(logits.float(), targets, ignore_index=IGNORED, reduction="sum")
        return total / (counted or count_rows(batch))

    def take_step(self, batch: Batch) -> tuple[float, float]:
        """One step of AdamW; returns (loss, learning rate)."""
        torch.manual_seed(self.config.seed * 1_000_003 + self.step)  # dropout masks, when there are any
        rate = self.rate_at(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        counted = count_rows(batch)
        loss, grads = gradients(
            lambda part: self.loss(part, counted), list(self.trainable.values()), batch, self.slices
        )
        if not math.isfinite(loss):
            raise PeftClassroomError(
                f"The training loss stopped being a number at step {self.step}. Train again with a lower learning rate."
            )
        for weight, grad in zip(self.weights.values(), grads, strict=True):
            weight.grad = grad
        torch.nn.utils.clip_grad_norm_(self.weights.values(), self.config.max_grad_norm)
        self.optimizer.step()
        self.weights.to_model()
        self.step += 1
        return loss, rate


def count_rows(batch: Batch) -> int:
    """Rows that are no filler."""
    return int((batch.rows != FILLER).sum())


def to_device(values: np.ndarray | torch.Tensor, device: torch.device) -> torch.Tensor:
    """The values as a tensor on the device; to a GPU from pinned memory, while it computes."""
    tensor = torch.as_tensor(values)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor
