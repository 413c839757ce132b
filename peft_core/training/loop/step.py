"""One step of training: it knows a model with some trainable parameters, and nothing of methods, validations or time.

    loss = −log p(label word | review)        over the whole vocabulary, after one decoder step

AdamW moves whatever has `requires_grad`. The learning rate warms up, then falls linearly to zero at the last step.
Everything random is a function of (seed, step). fp32 is masters.py's, threads are gradients.py's, devices device.py's.
On a GPU no step waits for its numbers: `check_losses` looks at them when they are read.
"""

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from peft_core.config import TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods import trainable_tensors
from peft_core.reviews.batches import FILLER, Batch
from peft_core.t5.backbone import first_step_hidden
from peft_core.training.device import PRECISION, describe, inputs, kind, loss_scaler, on_device
from peft_core.training.loop.gradients import gradients, slices_for
from peft_core.training.loop.masters import Masters
from peft_core.training.loop.room import parts_for

IGNORED = -100
LOST_IN_A_ROW = 20  # steps whose loss does not fit in fp16: each halves the scale, and after so many none will fit


class Stepper:
    """A model that takes steps of AdamW; `step` counts them, and `planned_steps` is how many there are to be.

    `notes`: sentences for whoever watches, about what happened on the way; whoever passes them on empties the list.

    Args:
        learning_rate: the highest on the way.
        labels: label (0 or 1) of each training row.
        precision: that the model computes in.
        width: tokens of the longest row, as far as known; how much memory a row takes is worked out with it.
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
        precision: torch.dtype = torch.float32,
        width: int = 0,
    ) -> None:
        self.model, self.config, self.peak_rate, self.device = model, config, learning_rate, device
        self.targets = torch.tensor(label_ids)[labels]
        self.trainable = trainable_tensors(model)
        self.weights = Masters(self.trainable)
        self.slices = slices_for(model, device, config.batch_size)
        self.parts = parts_for(model, device, config.batch_size, width)
        self.optimizer = torch.optim.AdamW(
            self.weights.values(), lr=learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.scaler = loss_scaler(device, precision)
        self.lost_in_a_row = 0
        self.notes: list[str] = [self._in_parts("has no room", config.batch_size)] if self.parts > 1 else []
        self.planned_steps, self.step = planned_steps, 0

    def rate_at(self, step: int) -> float:
        """Learning rate of step `step` (0, 1, …), as things are planned now."""
        return self.config.rate_at(step, self.planned_steps, self.peak_rate)

    def loss(self, batch: Batch, counted: int | None = None) -> torch.Tensor:
        """Cross-entropy of the label word, added up and divided by `counted` (None: the rows that are no filler)."""
        rows = torch.from_numpy(batch.rows)
        targets = torch.where(rows == FILLER, IGNORED, self.targets[rows.clamp(min=0)])
        logits, _ = first_step_hidden(self.model, *inputs(batch, self.device))
        total = F.cross_entropy(logits.float(), on_device(targets, self.device), ignore_index=IGNORED, reduction="sum")
        return total / (counted or count_rows(batch))

    def take_step(self, batch: Batch) -> tuple[float | torch.Tensor, float]:
        """One step of AdamW; returns (loss, learning rate). Where reading the loss would wait, it is a tensor."""
        rate = self.rate_at(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss, grads = self._gradients(batch)
        if isinstance(loss, float):
            self.check_losses([loss], self.step)
        for weight, grad in zip(self.weights.values(), grads, strict=True):
            weight.grad = grad
        self.scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.weights.values(), self.config.max_grad_norm)
        self.scaler.step(self.optimizer)  # in fp16 AdamW itself leaves out a step whose gradients are no numbers
        self.scaler.update()
        self.weights.to_model()
        self.step += 1
        return loss, rate

    def _gradients(self, batch: Batch) -> tuple[float | torch.Tensor, list[torch.Tensor]]:
        """Of the batch, in as many parts as there is memory for.

        Raises:
            PeftClassroomError: if the device has no memory for a single row.
        """
        counted, parameters, parts = count_rows(batch), list(self.trainable.values()), self.parts
        while True:
            torch.manual_seed(self.config.seed * 1_000_003 + self.step)  # dropout masks, when there are any
            try:
                found = gradients(
                    lambda part: self.loss(part, counted), parameters, batch, self.slices, self.parts, self.scaler.scale
                )
                if self.parts > parts:
                    self.notes.append(self._in_parts(f"had no memory left at step {self.step}", len(batch.rows)))
                return found
            except RuntimeError as error:
                if not kind(self.device).lacks_memory(error):
                    raise
            self._take_fewer_rows(len(batch.rows))  # out of the handler: the error holds what the attempt computed

    def _take_fewer_rows(self, rows: int) -> None:
        if self.parts >= rows:
            raise PeftClassroomError(
                f"{describe(self.device)} has not enough free memory for a single review of this run. Choose shorter "
                "reviews, a smaller base or another method, or wait until other programs on it have ended."
            )
        kind(self.device).release(self.device)
        self.parts = min(rows, 2 * self.parts)

    def _in_parts(self, why: str, rows: int) -> str:
        fit = math.ceil(rows / self.parts)
        return (
            f"{describe(self.device)} {why} for a whole batch of {rows}. The run computes {fit} reviews at a time and "
            f"adds up their gradients: the batch stays {rows}. A batch of {fit} would fit as it is."
        )

    def check_losses(self, losses: Sequence[float], first_step: int) -> None:
        """Look at the losses of some steps in a row, once they are read.

        Raises:
            PeftClassroomError: if one is no number; in fp16, where such a step is left out, if many in a row are not.
        """
        for step, loss in enumerate(losses, first_step):
            self.lost_in_a_row = 0 if math.isfinite(loss) else self.lost_in_a_row + 1
            if not self.lost_in_a_row:
                continue
            if not self.scaler.is_enabled():
                raise PeftClassroomError(
                    f"The training loss stopped being a number at step {step}. Train again with a lower learning rate."
                )
            if self.lost_in_a_row >= LOST_IN_A_ROW:
                raise PeftClassroomError(
                    f"The training loss was no number for {LOST_IN_A_ROW} steps, up to step {step}: this model's "
                    f"numbers do not fit in fp16. {PRECISION}=float32 trains without it, more slowly."
                )


def count_rows(batch: Batch) -> int:
    """Rows that are no filler."""
    return int((batch.rows != FILLER).sum())
