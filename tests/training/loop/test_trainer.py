"""The loop by hand: the rate of every step, the plan under a time limit, when it validates, which weights it keeps."""

import numpy as np
import pytest
import torch

from peft_core.config import TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.lora.method import LoraConfig
from peft_core.reviews.batches import FILLER, Batch
from peft_core.statistics.intervals import wilson
from peft_core.training.loop import clock as training_clock
from peft_core.training.loop.step import count_rows
from peft_core.training.loop.trainer import Trainer
from tests.cases import CASES
from tests.trained import apply, as_measuring

CPU = torch.device("cpu")
LABELS = torch.tensor([0, 1, 1, 0])


def make_batch(rows=(0, 1, 2, 3)) -> Batch:
    ids = np.random.default_rng(0).integers(5, 27, (len(rows), 7))
    return Batch(ids, np.ones_like(ids), np.array(rows))


class Clock:
    """Time that only what is told to take time moves."""

    def __init__(self):
        self.now = 1000.0

    def takes(self, seconds, function):
        def timed(*arguments):
            self.now += seconds(*arguments) if callable(seconds) else seconds
            return function(*arguments)

        return timed


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(training_clock.time, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def make_trainer(backbone):
    def make(method=CASES["lora"], batches=4, rows=(0, 1, 2, 3), correct=50, rate=1e-3, **settings) -> Trainer:
        """Four rows a batch; every validation finds `correct` of 100, or what the list has for it."""
        found = iter(correct if isinstance(correct, list) else [correct] * 1000)
        config = TrainConfig(batch_size=4, **settings)
        model, batches_of = apply(backbone, method), lambda epoch: [make_batch(rows)] * batches
        return Trainer(
            model, config, rate, batches_of, LABELS, (3, 4), as_measuring(lambda: wilson(next(found), 100)), CPU
        )

    return make


def without_training(trainer, loss=0.5):
    """Steps that are counted and cost nothing."""

    def take_step(batch):
        rate = trainer.rate_at(trainer.step)
        trainer.step += 1
        return loss, rate

    trainer.take_step = take_step
    return trainer


# ---------------------------------------------------------------------------------------------------------------------
# The learning rate


@pytest.mark.parametrize(
    ("warmup", "wanted"),
    [
        (0, [1, 7 / 7, 6 / 7, 5 / 7, 4 / 7, 3 / 7, 2 / 7, 1 / 7, 0]),  # one step of warm-up: none
        (0.25, [1 / 2, 1, 6 / 6, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6, 0]),
        (0.5, [1 / 4, 2 / 4, 3 / 4, 1, 4 / 4, 3 / 4, 2 / 4, 1 / 4, 0]),
        (0.99, [1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8, 6 / 8, 7 / 8, 1, 0]),
    ],
)
def test_the_rate_of_every_step_by_hand(make_trainer, warmup, wanted):
    trainer = make_trainer(epochs=2, warmup_fraction=warmup, rate=0.5)
    assert trainer.planned_steps == trainer.full_steps == 8
    assert [trainer.rate_at(step) for step in range(9)] == pytest.approx([0.5 * share for share in wanted])
    assert trainer.rate_at(20) == 0


def test_the_optimizer_moves_at_the_rate_of_its_step(make_trainer):
    trainer = make_trainer(epochs=2, warmup_fraction=0.25, rate=0.5, evaluations=1)
    told = [log.learning_rate for log in trainer.run() if log.event == "step"]
    assert told == pytest.approx([0.25, 0.5, 0.5, 5 / 12, 4 / 12, 3 / 12, 2 / 12, 1 / 12])
    assert [group["lr"] for group in trainer.optimizer.param_groups] == [told[-1]]


# ---------------------------------------------------------------------------------------------------------------------
# A time limit


def test_without_a_limit_the_plan_is_the_epochs(make_trainer, clock):
    trainer = without_training(make_trainer(epochs=5, evaluations=1))
    trainer.take_step = clock.takes(1e6, trainer.take_step)
    assert {log.total_steps for log in trainer.run()} == {20}
    assert trainer.finished


def test_the_rate_reaches_zero_where_the_time_ends(make_trainer, clock):
    """2 s a step and 60 s: five steps settle it, five more tell the pace, and then 30 steps are the plan."""
    trainer = without_training(make_trainer(epochs=25, max_seconds=60, warmup_fraction=0.1, evaluations=1))
    trainer.take_step = clock.takes(2, trainer.take_step)
    steps = [log for log in trainer.run() if log.event == "step"]
    assert [log.total_steps for log in steps] == [100] * 10 + [30] * 20
    assert trainer.step == trainer.planned_steps == 30
    assert trainer.full_steps == 100
    assert steps[-1].seconds == 60
    assert steps[-1].learning_rate == pytest.approx(1e-3 * 1 / 27)  # (30 − 29) of 30 − 3


def test_the_plan_follows_the_pace_since_it_settled_and_stays_within_the_epochs(make_trainer, clock):
    """Ten slow steps, then quick ones: time for more steps than there are."""
    trainer = without_training(make_trainer(epochs=10, max_seconds=100, evaluations=1))
    trainer.take_step = clock.takes(lambda batch: 5 if trainer.step < 11 else 0.5, trainer.take_step)
    planned = [log.total_steps for log in trainer.run() if log.event == "step"]
    assert planned[:10] == [40] * 10
    assert planned[10] == 11 + (100 - 55) // 5
    assert planned[11] == 12 + int((100 - 55.5) / (25.5 / 6))
    assert planned[12] == 13 + int((100 - 56) / (26 / 7))
    assert max(planned) == 40  # never more than the epochs
    assert trainer.step == 40


def test_a_step_that_overruns_the_limit_is_the_last(make_trainer, clock):
    trainer = without_training(make_trainer(epochs=10, max_seconds=30, evaluations=1))
    trainer.take_step = clock.takes(lambda batch: 1 if trainer.step < 12 else 50, trainer.take_step)
    logs = list(trainer.run())
    assert trainer.step == 13
    assert [log.event for log in logs[-2:]] == ["step", "validation"]
    assert logs[-1].total_steps == 13  # nothing is planned before what was done


def test_at_the_limit_to_the_second_no_step_begins(make_trainer, clock):
    trainer = without_training(make_trainer(epochs=10, max_seconds=3, evaluations=1))
    trainer.take_step = clock.takes(1, trainer.take_step)
    list(trainer.run())
    assert trainer.step == 3


def test_the_speed_is_that_of_steps_alone_once_they_have_settled(make_trainer, clock):
    trainer = without_training(make_trainer(epochs=3, evaluations=12, rows=(0, 1, 2, FILLER)))
    trainer.take_step = clock.takes(lambda batch: 9 if trainer.step < 5 else 0.25, trainer.take_step)
    trainer.validate = clock.takes(100, trainer.validate)
    speeds = [log.examples_per_second for log in trainer.run() if log.event == "step"]
    assert speeds == [None] * 5 + [3 / 0.25] * 7
    assert trainer.clock.seconds == 13 * 100 + 5 * 9 + 7 * 0.25  # the time of the run has the validations in it


def test_time_that_passed_between_two_parts_of_a_run_does_not_count(make_trainer, clock):
    trainer = without_training(make_trainer(epochs=3, evaluations=1))
    trainer.take_step = clock.takes(1, trainer.take_step)
    list(trainer.run(lambda: trainer.step == 4))
    assert (trainer.step, trainer.clock.seconds, trainer.finished) == (4, 4, False)
    clock.now += 1e6
    logs = list(trainer.run())
    assert [log.step for log in logs if log.event == "step"] == list(range(5, 13))
    assert (trainer.step, trainer.clock.seconds, trainer.finished) == (12, 12, True)


# ---------------------------------------------------------------------------------------------------------------------
# Validations


@pytest.mark.parametrize(
    ("evaluations", "at"),
    [(1, [0, 10]), (2, [0, 5, 10]), (3, [0, 4, 7, 10]), (4, [0, 3, 5, 8, 10]), (100, list(range(11)))],
)
def test_validations_are_spread_over_the_steps_and_the_last_is_at_the_end(make_trainer, evaluations, at):
    trainer = without_training(make_trainer(batches=5, epochs=2, evaluations=evaluations))
    logs = list(trainer.run())
    assert [log.step for log in logs if log.event == "validation"] == at
    assert [step for step, _ in trainer.validations] == at
    assert [log.epoch for log in logs if log.event == "step"] == [step / 5 for step in range(1, 11)]


def test_the_weights_that_are_kept_are_the_latest_of_the_best(make_trainer):
    trainer = make_trainer(epochs=1, correct=[50, 70, 60, 70, 60], evaluations=4)
    kept = {}
    for log in trainer.run():
        if log.event == "validation":
            assert log.accuracy * 100 == [50, 70, 60, 70, 60][log.step]
            assert (log.n, log.low < log.accuracy < log.high) == (100, True)
            kept[log.step] = {name: p.detach().clone() for name, p in trainer.trainable.items()}
    assert trainer.best_validation == (3, wilson(70, 100))
    assert all(torch.equal(p, kept[3][name]) for name, p in trainer.trainable.items())
    assert not all(torch.equal(p, kept[1][name]) for name, p in trainer.trainable.items())


def test_a_model_that_training_does_not_help_is_the_one_that_it_was(make_trainer):
    trainer = make_trainer(epochs=1, correct=[90, 80, 80], evaluations=2)
    before = {name: p.detach().clone() for name, p in trainer.trainable.items()}
    list(trainer.run())
    assert trainer.best_validation[0] == 0
    assert all(torch.equal(p, before[name]) for name, p in trainer.trainable.items())


# ---------------------------------------------------------------------------------------------------------------------
# The time to the end


def test_the_time_to_the_end_is_what_then_passes_with_every_phase_in_it(make_trainer, clock):
    """Steps of 0.5 s, validations of 4 batches of 3 s, a test of 12 such batches after training."""

    def measured(batches, result):
        yield 0, batches
        for done in range(1, batches + 1):
            clock.now += 3
            yield done, batches
        return result

    trainer = without_training(make_trainer(batches=10, epochs=2, evaluations=2))
    trainer.take_step = clock.takes(0.5, trainer.take_step)
    trainer.validate = lambda: measured(4, wilson(50, 100))
    trainer.validation_rows, trainer.rows_at_the_end = 40, 120
    told = [(log, clock.now) for log in trainer.run()]
    told += [(log, clock.now) for log in trainer.watched("test", measured(12, None), 120, 0)]
    end = clock.now
    assert end - 1000 == 20 * 0.5 + 3 * 4 * 3 + 12 * 3
    known = [(log, at) for log, at in told if log.remaining is not None]
    assert {(log.event, log.split) for log, _ in known} == {
        ("step", None), ("validation", None), ("measuring", "validation"), ("measuring", "test"),
    }  # fmt: skip
    assert all(log.remaining == pytest.approx(end - at) for log, at in known)
    unknown = [log for log, _ in told if log.remaining is None]
    assert {log.step for log in unknown} == set(range(6)), "until the first step that is settled"


def test_a_limit_that_cuts_the_plan_says_what_was_asked_for(make_trainer, clock):
    trainer = without_training(make_trainer(batches=10, epochs=10, evaluations=1, max_seconds=40))
    trainer.take_step = clock.takes(1, trainer.take_step)
    trainer.validation_rows = 10
    logs = list(trainer.run())
    assert {log.full_steps for log in logs} == {100}
    assert (logs[-1].total_steps, trainer.stopped_by) == (40, "max_seconds")
    assert all(log.remaining <= 40 - log.seconds for log in logs if log.event == "step" and log.remaining is not None)


# ---------------------------------------------------------------------------------------------------------------------
# A step


def test_the_loss_is_that_of_the_label_words_over_the_rows_that_are_no_filler(make_trainer):
    trainer, batch = make_trainer(), make_batch((2, FILLER, 0, 1))
    ids, mask = torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask)
    with torch.no_grad():
        logits = trainer.model(input_ids=ids, attention_mask=mask, decoder_input_ids=ids.new_zeros(4, 1)).logits[:, 0]
        wanted = -logits.log_softmax(-1)[[0, 2, 3], [4, 3, 4]]  # row 2 is positive, 0 negative, 1 positive
        assert trainer.loss(batch).item() == pytest.approx(wanted.mean().item(), rel=1e-5)
        assert trainer.loss(batch, 8).item() == pytest.approx(wanted.sum().item() / 8, rel=1e-5)
    assert count_rows(batch) == 3


def test_a_step_is_adamw_with_the_gradient_cut_to_its_longest(make_trainer):
    trainer = make_trainer(max_grad_norm=1e-3, weight_decay=0.1, epochs=1, warmup_fraction=0)
    start = [p.detach().clone() for p in trainer.trainable.values()]
    loss = trainer.loss(make_batch())
    grads = torch.autograd.grad(loss, list(trainer.trainable.values()), materialize_grads=True)
    norm = torch.cat([g.flatten() for g in grads]).norm()
    told, rate = trainer.take_step(make_batch())
    assert (told, rate, trainer.step) == (pytest.approx(loss.item()), 1e-3, 1)
    assert norm > 1e-3
    for parameter, before, grad in zip(trainer.trainable.values(), start, grads, strict=True):
        cut = grad * 1e-3 / norm  # AdamW's first step: weights fall by rate · decay, then by rate · g / (|g| + ε)
        wanted = before * (1 - 1e-3 * 0.1) - 1e-3 * cut / (cut.abs() + 1e-8)
        torch.testing.assert_close(parameter.detach(), wanted, rtol=1e-4, atol=2e-5)


def test_every_step_draws_its_own_dropout_whatever_was_drawn_before(make_trainer):
    def losses(seed):
        trainer = make_trainer(LoraConfig(dropout=0.5), epochs=1, rate=1e-9, seed=seed)
        with torch.no_grad():
            for name, parameter in trainer.trainable.items():
                parameter.add_(1 if name.endswith("lora_B") else 0)
        trainer.model.train()
        torch.manual_seed(seed + 5)
        return [trainer.take_step(make_batch())[0] for _ in range(3)]

    first, again, other = losses(1), losses(1), losses(2)
    assert first == again
    assert len({*first, *other}) == 6


def test_a_loss_that_is_no_number_is_told_with_its_step(make_trainer):
    trainer = make_trainer(epochs=2)
    trainer.take_step(make_batch())
    with torch.no_grad():
        next(iter(trainer.trainable.values()))[:] = float("nan")
    with pytest.raises(PeftClassroomError, match=r"at step 1\. .*lower learning rate"):
        trainer.take_step(make_batch())


def test_batches_of_an_epoch_are_made_once_and_a_run_that_goes_on_takes_up_in_the_middle(make_trainer):
    trainer = without_training(make_trainer(batches=4, epochs=3, evaluations=1))
    asked, taken = [], []
    take_step, batches = trainer.take_step, {e: [make_batch() for _ in range(4)] for e in range(3)}
    trainer.train_batches = lambda epoch: asked.append(epoch) or batches[epoch]
    trainer.take_step = lambda batch: taken.append(batch) or take_step(batch)
    list(trainer.run(lambda: trainer.step == 6))
    list(trainer.run())
    assert asked == [0, 1, 1, 2]
    assert all(a is b for a, b in zip(taken, [b for e in range(3) for b in batches[e]], strict=True))
