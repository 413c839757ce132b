"""The one training loop: it knows a model with some trainable parameters, and nothing of methods or watchers.

    loss = −log p(label word | review)        over the whole vocabulary, after one decoder step

AdamW moves whatever has `requires_grad`. The learning rate warms up, then falls linearly to zero at the last step.
The best validation accuracy decides which weights are kept. Everything random is a function of (seed, epoch or step),
so a stopped run that goes on later takes the very steps it would have taken.

Weights that the model keeps in bf16 have a copy in fp32 here: AdamW moves that one, so that no small update is lost.
"""

import math
import time
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
from peft_core.training.gradients import gradients, slices_for

SETTLING_STEPS = 5  # the first steps build kernels for new shapes and say nothing about speed
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
        self.weights = {name: _in_fp32(p) for name, p in self.trainable.items()}
        self.slices = slices_for(model, device, config.batch_size)
        self.optimizer = torch.optim.AdamW(
            self.weights.values(), lr=learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.batches_per_epoch = len(train_batches(0))
        self.full_steps = self.batches_per_epoch * config.epochs
        self.planned_steps = self.full_steps
        self.step = 0
        self.seconds = 0.0
        self.started = time.monotonic()  # set back whenever the clock stood still
        self.examples_per_second: float | None = None
        self.finished = False
        self.validations: list[tuple[int, Accuracy]] = []
        self.tests: list[tuple[int, Accuracy]] = []
        self.best: dict[str, torch.Tensor] = {}

    # -- what a step is ----------------------------------------------------------------------------------------------
    def rate_at(self, step: int) -> float:
        """Learning rate of step `step` (0, 1, …): linear warm-up, then linear decay to zero at the planned end."""
        warmup = max(1, round(self.config.warmup_fraction * self.planned_steps))
        rising = (step + 1) / warmup
        falling = (self.planned_steps - step) / max(1, self.planned_steps - warmup)
        return self.peak_rate * max(0.0, min(rising, falling, 1.0))

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
        self._to_model()
        self.step += 1
        return loss, rate

    @torch.no_grad()
    def _to_model(self) -> None:
        """Round what the optimizer moved into the model, where the model keeps it in another precision."""
        for name, weight in self.weights.items():
            if weight is not self.trainable[name]:
                self.trainable[name].copy_(weight)

    # -- the run -----------------------------------------------------------------------------------------------------
    def run(self, should_stop: Callable[[], bool] = lambda: False) -> Iterator[StepLog]:
        """Train until the planned steps, `max_seconds`, or `should_stop()`; yields what happens.

        After it ends normally the model holds the weights of its best validation. Stopped early it holds the latest.
        """
        self.model.train()
        self._start_clock()
        trained_seconds, trained_examples = 0.0, 0
        steps_here, settled_at = 0, None
        if not self.validations:
            yield self._validation()
        while self.step < self.planned_steps and not self._out_of_time():
            if should_stop():
                return
            epoch, position = divmod(self.step, self.batches_per_epoch)
            if position == 0 or steps_here == 0:
                batches = self.train_batches(epoch)
            before = time.monotonic()
            loss, rate = self.take_step(batches[position])
            trained = time.monotonic() - before
            self.seconds = self._elapsed()
            steps_here += 1
            if steps_here > SETTLING_STEPS:
                trained_seconds += trained
                trained_examples += count_rows(batches[position])
                self.examples_per_second = trained_examples / trained_seconds
                settled_at = settled_at or (self.seconds, self.step)
                self._plan(settled_at)
            yield self._log("step", train_loss=loss, learning_rate=rate, examples_per_second=self.examples_per_second)
            if self.step < self.planned_steps and self._validation_due():
                yield self._validation()
        if self.validations[-1][0] != self.step:  # already validated if the run was stopped right after its last step
            yield self._validation()
        self.load_best()
        self.finished = True

    def _start_clock(self) -> None:
        """Go on counting from `seconds`; what has passed since they were read does not count."""
        self.started = time.monotonic() - self.seconds

    def _elapsed(self) -> float:
        return time.monotonic() - self.started

    def _out_of_time(self) -> bool:
        return self.config.max_seconds is not None and self._elapsed() >= self.config.max_seconds

    def _plan(self, settled_at: tuple[float, int]) -> None:
        """Where the time allows fewer steps than the epochs ask for, let the learning rate reach zero there."""
        if self.config.max_seconds is None or self.step - settled_at[1] < SETTLING_STEPS:
            return
        seconds_per_step = (self.seconds - settled_at[0]) / (self.step - settled_at[1])
        affordable = int((self.config.max_seconds - self.seconds) / seconds_per_step)
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
        self.seconds = self._elapsed()
        if self.measure_test:
            self.tests.append((self.step, self.measure_test()))
            self._start_clock()
        return self._log("validation", accuracy=measured.accuracy, low=measured.low, high=measured.high, n=measured.n)

    def _log(self, event: Literal["step", "validation"], **fields) -> StepLog:
        return StepLog(event, self.step, self.planned_steps, self.step / self.batches_per_epoch, self.seconds, **fields)

    @torch.no_grad()
    def load_best(self) -> None:
        for name, value in self.best.items():
            self.weights[name].copy_(value)
        self._to_model()

    @property
    def best_validation(self) -> tuple[int, Accuracy]:
        """(step, accuracy) of the weights that are kept: the latest among the best."""
        return max(reversed(self.validations), key=lambda item: item[1].accuracy)

    # -- stop and go on ----------------------------------------------------------------------------------------------
    def state(self) -> tuple[dict[str, torch.Tensor], dict]:
        """(tensors, plain data) from which `load_state` continues exactly."""
        tensors = {}
        for name, parameter in self.weights.items():
            tensors[f"now.{name}"] = parameter.detach().cpu().contiguous()
            if name in self.best:
                tensors[f"best.{name}"] = self.best[name].cpu().contiguous()
            for key, value in self.optimizer.state.get(parameter, {}).items():
                tensors[f"{key}.{name}"] = value.detach().cpu().contiguous()
        points = {
            name: [[step, a.accuracy, a.low, a.high, a.n] for step, a in measured]
            for name, measured in (("validations", self.validations), ("tests", self.tests))
        }
        return tensors, {"step": self.step, "seconds": self.seconds, **points}

    @torch.no_grad()
    def load_state(self, tensors: dict[str, torch.Tensor], data: dict) -> None:
        self.step, self.seconds = data["step"], data["seconds"]
        self.validations = [(step, Accuracy(*rest)) for step, *rest in data["validations"]]
        self.tests = [(step, Accuracy(*rest)) for step, *rest in data.get("tests", [])]  # older states have none
        for name, parameter in self.weights.items():
            parameter.copy_(tensors[f"now.{name}"])
            self.best[name] = tensors[f"best.{name}"].to(self.device)
            if f"exp_avg.{name}" in tensors:
                keys = ("step", "exp_avg", "exp_avg_sq")  # all on the parameter's device, as fused AdamW keeps them
                self.optimizer.state[parameter] = {key: tensors[f"{key}.{name}"].to(self.device) for key in keys}
        self._to_model()


def _in_fp32(parameter: nn.Parameter) -> nn.Parameter:
    """The parameter itself if it is in fp32, otherwise a copy that is."""
    return parameter if parameter.dtype == torch.float32 else nn.Parameter(parameter.detach().float())


def count_rows(batch: Batch) -> int:
    """Rows that are no filler."""
    return int((batch.rows != FILLER).sum())


def to_device(values: np.ndarray | torch.Tensor, device: torch.device) -> torch.Tensor:
    """The values as a tensor on the device; to a GPU from pinned memory, while it computes."""
    tensor = torch.as_tensor(values)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor
