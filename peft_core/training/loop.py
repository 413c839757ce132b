"""The one training loop: it knows a model with some trainable parameters, and nothing of methods or watchers.

    loss = −log p(label word | review)        over the whole vocabulary, after one decoder step

AdamW moves whatever has `requires_grad`. The learning rate warms up, then falls linearly to zero at the last step.
The best validation accuracy decides which weights are kept. Everything random is a function of (seed, epoch or step),
so a stopped run that goes on later takes the very steps it would have taken. Time is clock.py's, fp32 is masters.py's.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from peft_core.config import TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods import trainable_tensors
from peft_core.reviews.batches import FILLER, Batch
from peft_core.statistics.intervals import Accuracy
from peft_core.t5.backbone import first_step_hidden
from peft_core.training.clock import Clock
from peft_core.training.gradients import gradients, slices_for
from peft_core.training.masters import Masters

IGNORED = -100


@dataclass(frozen=True)
class StepLog:
    """One thing that happened. `accuracy`, `low`, `high`, `n` belong to "validation" and "test"."""

    event: Literal["start", "step", "validation", "test"]
    step: int
    total_steps: int
    epoch: float
    seconds: float
    train_loss: float | None = None
    learning_rate: float | None = None
    examples_per_second: float | None = None
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    device: str | None = None


class Trainer:
    """Trains `model` on batches of labelled reviews; iterate over `run()`.

    Args:
        train_batches: epoch number → the batches of that epoch; must be a function of its argument alone.
        labels: label (0 or 1) of each training row.
        validate: measures the model now.
        measure_test: measures it on the test split beside every validation, while the clock stands still. The results
            are noted in `tests`; nothing here reads them.
    """

    def __init__(
        self,
        model: nn.Module,
        config: TrainConfig,
        learning_rate: float,
        train_batches: Callable[[int], list[Batch]],
        labels: torch.Tensor,
        label_ids: tuple[int, int],
        validate: Callable[[], Accuracy],
        device: torch.device,
        measure_test: Callable[[], Accuracy] | None = None,
    ) -> None:
        self.model, self.config, self.peak_rate = model, config, learning_rate
        self.train_batches, self.validate, self.device = train_batches, validate, device
        self.measure_test = measure_test
        self.targets = torch.tensor(label_ids)[labels]
        self.trainable = trainable_tensors(model)
        self.weights = Masters(self.trainable)
        self.slices = slices_for(model, device, config.batch_size)
        self.optimizer = torch.optim.AdamW(
            self.weights.values(), lr=learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.batches_per_epoch = len(train_batches(0))
        self.full_steps = self.batches_per_epoch * config.epochs
        self.planned_steps = self.full_steps
        self.step = 0
        self.clock = Clock(config.max_seconds)
        self.finished = False
        self.validations: list[tuple[int, Accuracy]] = []
        self.tests: list[tuple[int, Accuracy]] = []
        self.best: dict[str, torch.Tensor] = {}

    # -- what a step is ----------------------------------------------------------------------------------------------
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

    # -- the run -----------------------------------------------------------------------------------------------------
    def run(self, should_stop: Callable[[], bool] = lambda: False) -> Iterator[StepLog]:
        """Train until the planned steps, `max_seconds`, or `should_stop()`; yields what happens.

        After it ends normally the model holds the weights of its best validation. Stopped early it holds the latest.
        """
        self.model.train()
        self.clock.start()
        batches = None
        if not self.validations:
            yield self._validation()
        while self.step < self.planned_steps and not self.clock.out_of_time:
            if should_stop():
                return
            epoch, position = divmod(self.step, self.batches_per_epoch)
            if position == 0 or batches is None:
                batches = self.train_batches(epoch)
            with self.clock.step(count_rows(batches[position])):
                loss, rate = self.take_step(batches[position])
            self._plan()
            speed = self.clock.examples_per_second
            yield self._log("step", train_loss=loss, learning_rate=rate, examples_per_second=speed)
            if self.step < self.planned_steps and self._validation_due():
                yield self._validation()
        if self.validations[-1][0] != self.step:  # already validated if the run was stopped right after its last step
            yield self._validation()
        self.load_best()
        self.finished = True

    def _plan(self) -> None:
        """Where the time allows fewer steps than the epochs ask for, let the learning rate reach zero there."""
        affordable = self.clock.affordable_steps()
        if affordable is not None:
            self.planned_steps = max(self.step, min(self.full_steps, self.step + affordable))

    def _validation_due(self) -> bool:
        done = len(self.validations) - 1  # the first one was before any step
        return self.step * self.config.evaluations >= (done + 1) * self.planned_steps

    def _validation(self) -> StepLog:
        measured = self.validate()
        self.model.train()
        if not self.validations or measured.accuracy >= max(a.accuracy for _, a in self.validations):
            self.best = {name: p.detach().clone() for name, p in self.weights.items()}
        self.validations.append((self.step, measured))
        self.clock.read()
        if self.measure_test:
            with self.clock.standing_still():
                self.tests.append((self.step, self.measure_test()))
        return self._log("validation", **vars(measured))

    def _log(self, event: Literal["step", "validation"], **fields) -> StepLog:
        epoch = self.step / self.batches_per_epoch
        return StepLog(event, self.step, self.planned_steps, epoch, self.clock.seconds, **fields)

    @torch.no_grad()
    def load_best(self) -> None:
        for name, value in self.best.items():
            self.weights[name].copy_(value)
        self.weights.to_model()

    @property
    def best_validation(self) -> tuple[int, Accuracy]:
        """(step, accuracy) of the weights that are kept: the latest among the best."""
        return max(reversed(self.validations), key=lambda item: item[1].accuracy)

    # -- stop and go on ----------------------------------------------------------------------------------------------
    def state(self) -> tuple[dict[str, torch.Tensor], dict]:
        """(tensors, plain data) from which `load_state` continues exactly."""
        tensors = {f"now.{name}": weight.detach().cpu().contiguous() for name, weight in self.weights.items()}
        tensors |= {f"best.{name}": weight.cpu().contiguous() for name, weight in self.best.items()}
        tensors |= self.weights.adam_state(self.optimizer)
        points = {
            name: [[step, a.accuracy, a.low, a.high, a.n] for step, a in measured]
            for name, measured in (("validations", self.validations), ("tests", self.tests))
        }
        return tensors, {"step": self.step, "seconds": self.clock.seconds, **points}

    @torch.no_grad()
    def load_state(self, tensors: dict[str, torch.Tensor], data: dict) -> None:
        self.step, self.clock.seconds = data["step"], data["seconds"]
        self.validations = [(step, Accuracy(*rest)) for step, *rest in data["validations"]]
        self.tests = [(step, Accuracy(*rest)) for step, *rest in data.get("tests", [])]  # older states have none
        for name, weight in self.weights.items():
            weight.copy_(tensors[f"now.{name}"])
            self.best[name] = tensors[f"best.{name}"].to(self.device)
        self.weights.load_adam_state(self.optimizer, tensors)
        self.weights.to_model()


def count_rows(batch: Batch) -> int:
    """Rows that are no filler."""
    return int((batch.rows != FILLER).sum())


def to_device(values: np.ndarray | torch.Tensor, device: torch.device) -> torch.Tensor:
    """The values as a tensor on the device; to a GPU from pinned memory, while it computes."""
    tensor = torch.as_tensor(values)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor
