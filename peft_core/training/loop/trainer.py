"""The one training loop: steps (step.py), validations between them, and the weights that were best on those.

The best validation accuracy decides which weights are kept. The batches are a function of (seed, epoch), so a stopped
run that goes on later takes the very steps it would have taken. Time is clock.py's. It knows nothing of methods or
watchers.
"""

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Literal, TypeVar

import torch
from torch import nn

from peft_core.config import TrainConfig
from peft_core.reviews.batches import Batch
from peft_core.statistics.intervals import Accuracy
from peft_core.training.device import kind
from peft_core.training.loop.clock import SETTLING_STEPS, Clock
from peft_core.training.loop.remaining import MeasuringPace, remaining_seconds, validations_ahead
from peft_core.training.loop.step import Stepper, count_rows
from peft_core.training.loop.step_log import Event, StepLog
from peft_core.training.measuring import Measuring

T = TypeVar("T")
# Where to read a loss is to wait for the device: of so many steps at once at most, and so often in a run at least.
READ_EVERY, READINGS = 16, 32


class Trainer(Stepper):
    """Trains `model` on batches of labelled reviews; iterate over `run()`.

    Args:
        train_batches: epoch number → the batches of that epoch; must be a function of its argument alone.
        labels: label (0 or 1) of each training row.
        validate: measures the model now, batch by batch.
        measure_test: measures it on the test split beside every validation, while the clock stands still. The results
            are noted in `tests`; nothing here reads them.
        precision: that the model computes in.

    `validation_rows`, `test_rows`, `rows_at_the_end`: how many reviews a validation has, the test split, and all that
    is measured after training. They serve the estimate of the time alone; whoever knows them sets them.
    """

    def __init__(
        self,
        model: nn.Module,
        config: TrainConfig,
        learning_rate: float,
        train_batches: Callable[[int], list[Batch]],
        labels: torch.Tensor,
        label_ids: tuple[int, int],
        validate: Callable[[], Measuring[Accuracy]],
        device: torch.device,
        measure_test: Callable[[], Measuring[Accuracy]] | None = None,
        precision: torch.dtype = torch.float32,
    ) -> None:
        batches = train_batches(0)
        self.batches_per_epoch = len(batches)
        self.full_steps = self.batches_per_epoch * config.epochs
        width = max(batch.input_ids.shape[1] for batch in batches)
        super().__init__(model, config, learning_rate, labels, label_ids, device, self.full_steps, precision, width)
        self.train_batches, self.validate, self.measure_test = train_batches, validate, measure_test
        self.clock = Clock(config.max_seconds)
        self.finished = self.kept = False
        self.measuring_pace = MeasuringPace()
        self.validation_rows = self.test_rows = self.rows_at_the_end = 0
        self.validations: list[tuple[int, Accuracy]] = []
        self.tests: list[tuple[int, Accuracy]] = []
        self.best: dict[str, torch.Tensor] = {}
        self.last: dict[str, torch.Tensor] = {}  # where training made it worse: what it came to
        self._untold: list[tuple[StepLog, float | torch.Tensor]] = []

    # -- the run -----------------------------------------------------------------------------------------------------
    def run(
        self, should_stop: Callable[[], bool] = lambda: False, should_keep: Callable[[], bool] = lambda: False
    ) -> Iterator[StepLog]:
        """Train until the planned steps, `max_seconds`, or a wish; yields what happens.

        After it ends normally the model holds the weights of its best validation. Stopped early it holds the latest.

        Args:
            should_stop: end as soon as possible; asked before every step and every batch of a validation.
            should_keep: end as if the time were up: one more validation, and the best weights. At least one step is
                taken.
        """
        self.model.train()
        self.clock.start()
        batches = None
        while self.step < self.planned_steps and not self.clock.out_of_time:
            if self._validation_due():
                yield from self._tell_steps()
                yield from self._validation(should_stop)
                if not self._validated:
                    return
                continue
            if should_stop():
                yield from self._tell_steps()
                return
            if self.step and should_keep():
                self.kept = True
                break
            epoch, position = divmod(self.step, self.batches_per_epoch)
            if position == 0 or batches is None:
                batches = self.train_batches(epoch)
            with self.clock.step(count_rows(batches[position])):
                loss, rate = self.take_step(batches[position])
                if read := self._losses_are_read():
                    kind(self.device).wait(self.device)
            self._plan()
            speed = self.clock.examples_per_second
            self._untold.append((self.told("step", learning_rate=rate, examples_per_second=speed), loss))
            if read:
                yield from self._tell_steps()
        yield from self._tell_steps()
        self.planned_steps = self.step
        if not self._validated:  # it may have been stopped right after its last
            yield from self._validation(should_stop)
        if self._validated:
            if self.step and self.best_validation[0] == 0:
                self.last = {name: p.detach().clone() for name, p in self.weights.items()}
            self.load_best()
            self.finished = True

    def _losses_are_read(self) -> bool:
        """Whether it is time to: on a CPU always; elsewhere in the first steps, which are waited for, then seldom."""
        often = max(1, min(READ_EVERY, self.planned_steps // READINGS))
        waits = kind(self.device).reading_waits
        return not waits or self.step <= SETTLING_STEPS or self.step % often == 0

    def _tell_steps(self) -> Iterator[StepLog]:
        """Tell of the steps since the last time, each with its loss. In fp16 a step that was left out has none."""
        untold, self._untold = self._untold, []
        losses = [loss for _, loss in untold]
        if losses and isinstance(losses[0], torch.Tensor):  # a step whose loss is a number has looked at it itself
            losses = torch.stack(losses).tolist()
            self.check_losses(losses, untold[0][0].step - 1)
        notes, self.notes = self.notes, []
        for note in notes:
            yield self.told("note", said=note)
        for (log, _), loss in zip(untold, losses, strict=True):
            if math.isfinite(loss):
                yield replace(log, train_loss=loss)

    def _plan(self) -> None:
        """Where the time allows fewer steps than the epochs ask for, let the learning rate reach zero there."""
        affordable = self.clock.affordable_steps()
        if affordable is not None:
            self.planned_steps = max(self.step, min(self.full_steps, self.step + affordable))

    @property
    def _validated(self) -> bool:
        """Whether these very weights have been measured."""
        return bool(self.validations) and self.validations[-1][0] == self.step

    @property
    def validates_next(self) -> bool:
        """Whether the weights as they are now are about to be measured."""
        return self.step >= self.planned_steps or self._validation_due()

    def _validation_due(self) -> bool:
        """The first is before any step. Also where a run goes on that was stopped in the middle of one."""
        done = len(self.validations)
        return not self._validated and self.step * self.config.evaluations >= done * self.planned_steps

    def _validation(self, should_stop: Callable[[], bool]) -> Iterator[StepLog]:
        """Measure, and keep the weights if none were better. Broken off by `should_stop`, it leaves no trace."""
        rows, noted = self.validation_rows, self.test_rows if self.measure_test else 0
        later = self._reviews_ahead() - rows - noted
        measured = yield from self.watched("validation", self.validate(), rows, later + noted, should_stop)
        if measured is None:
            return
        self.clock.read()
        if self.measure_test:
            with self.clock.standing_still():
                test = yield from self.watched("test", self.measure_test(), noted, later, should_stop)
            if test is None:
                return
            self.tests.append((self.step, test))
        self.model.train()
        if not self.validations or measured.accuracy >= max(a.accuracy for _, a in self.validations):
            self.best = {name: p.detach().clone() for name, p in self.weights.items()}
        self.validations.append((self.step, measured))
        yield self.told("validation", **vars(measured))

    def watched(
        self,
        split: Literal["validation", "test"],
        measuring: Measuring[T],
        rows: int,
        later: float,
        should_stop: Callable[[], bool] = lambda: False,
        round_of: tuple[int, int] = (0, 1),
    ) -> Generator[StepLog, None, T | None]:
        """Say of every batch that it is answered. Returns what it comes to, or None if it was broken off.

        Args:
            rows: reviews that are measured.
            later: reviews that are to be measured after these.
            round_of: (0, 1, …; of how many rounds over the same batches); they are counted through.
        """
        before = time.monotonic()
        with closing(measuring):
            while not should_stop():
                try:
                    done, of = next(measuring)
                except StopIteration as end:
                    self.measuring_pace.add(time.monotonic() - before, rows)
                    return end.value
                reviews, (this, rounds) = later + rows * (1 - done / of), round_of
                yield self.told("measuring", reviews, split=split, done=this * of + done, of=rounds * of)
        return None

    def _reviews_ahead(self) -> float:
        """Reviews that are to be measured from now on, to the end of the run."""
        each = self.validation_rows + (self.test_rows if self.measure_test else 0)
        last_at = self.validations[-1][0] if self.validations else None
        ahead = validations_ahead(
            self.step, self.planned_steps, self.config.evaluations, len(self.validations), last_at
        )
        return ahead * each + self.rows_at_the_end

    def told(self, event: Event, reviews: float | None = None, **fields) -> StepLog:
        """What is said of this moment. `reviews`: that are still to be measured, where that is known better."""
        remaining = remaining_seconds(
            self.planned_steps - self.step,
            self.clock.seconds_per_step,
            self._reviews_ahead() if reviews is None else reviews,
            self.measuring_pace.per_second,
            self.clock.seconds_left,
        )
        return StepLog(
            event, self.step, self.planned_steps, self.step / self.batches_per_epoch, self.clock.seconds,
            self.full_steps, remaining, **fields,
        )  # fmt: skip

    @torch.no_grad()
    def put(self, weights: Mapping[str, torch.Tensor]) -> None:
        """From now on the model holds these weights."""
        for name, value in weights.items():
            self.weights[name].copy_(value)
        self.weights.to_model()

    def load_best(self) -> None:
        """The best that were measured, the latest of them."""
        self.put(self.best)

    @property
    def best_validation(self) -> tuple[int, Accuracy]:
        """(step, accuracy) of the weights that are kept: the latest among the best."""
        return max(reversed(self.validations), key=lambda item: item[1].accuracy)

    @property
    def stopped_by(self) -> Literal["epochs", "max_seconds", "person"]:
        """What ended the run."""
        if self.step == self.full_steps:
            return "epochs"
        return "person" if self.kept else "max_seconds"

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
        planned = self.full_steps if self.kept else self.planned_steps  # it may go on after all
        now = {"step": self.step, "planned_steps": planned, "seconds": self.clock.seconds}
        now |= {"parts": self.parts, "scaler": self.scaler.state_dict()}
        return tensors, now | points

    @torch.no_grad()
    def load_state(self, tensors: dict[str, torch.Tensor], data: dict) -> None:
        self.step, self.clock.seconds = data["step"], data["seconds"]
        self.planned_steps = data.get("planned_steps", self.full_steps)  # older states have none
        self.parts = max(self.parts, data.get("parts", 1))
        if data.get("scaler"):
            self.scaler.load_state_dict(data["scaler"])
        self.validations = [(step, Accuracy(*rest)) for step, *rest in data["validations"]]
        self.tests = [(step, Accuracy(*rest)) for step, *rest in data.get("tests", [])]  # older states have none
        for name, weight in self.weights.items():
            weight.copy_(tensors[f"now.{name}"])
            if self.validations:  # it may have been stopped before the first
                self.best[name] = tensors[f"best.{name}"].to(self.device)
        self.weights.load_adam_state(self.optimizer, tensors)
        self.weights.to_model()
