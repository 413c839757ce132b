"""Slices of a batch add up to the whole; threads have their share of the cores."""

from threading import current_thread, main_thread

import pytest
import torch

from peft_core.config import TrainConfig
from peft_core.methods import apply_method
from peft_core.reviews.batches import FILLER, Batch
from peft_core.t5.precision import cast, set_backbone_dropout
from peft_core.training.loop.gradients import draws_random_numbers, gradients, in_threads, sliced, slices_for
from peft_core.training.loop.trainer import Trainer
from tests.cases import CASES, every_config
from tests.trained import moved

CPU = torch.device("cpu")


def make_trainer(backbone, config, rows):
    model = moved(backbone, config)
    generator = torch.Generator().manual_seed(3)
    ids = torch.randint(5, 27, (rows, 7), generator=generator).numpy()
    numbers = torch.arange(rows).numpy()
    numbers[-2:] = FILLER
    batch = Batch(ids, (ids > 0).astype("int64"), numbers)
    labels = torch.arange(rows) % 2
    return Trainer(model, TrainConfig(batch_size=rows), 1e-3, lambda epoch: [batch], labels, (3, 4), None, CPU), batch


@every_config
@pytest.mark.parametrize("slices", [2, 3])
def test_slices_of_a_batch_have_the_gradients_of_the_whole(backbone, two_threads, config, slices):
    trainer, batch = make_trainer(backbone, config, 10)
    parameters = list(trainer.trainable.values())
    whole, wanted = gradients(trainer.loss, parameters, batch, 1)
    loss, grads = gradients(lambda part: trainer.loss(part, 8), parameters, batch, slices)
    assert loss == pytest.approx(whole, rel=1e-5)
    for grad, wanted_grad in zip(grads, wanted, strict=True):
        torch.testing.assert_close(grad, wanted_grad, atol=1e-6, rtol=1e-4)
    again = gradients(lambda part: trainer.loss(part, 8), parameters, batch, slices)
    assert all(torch.equal(a, b) for a, b in zip(grads, again[1], strict=True))  # whichever thread ends first


@pytest.mark.parametrize("slices", [1, 2])
def test_one_slice_is_the_batch_itself_in_this_thread(backbone, two_threads, slices):
    trainer, batch = make_trainer(backbone, CASES["lora"], 10)
    seen = []

    def loss(part):
        seen.append((part is batch, current_thread() is main_thread()))
        return trainer.loss(part, 8)

    gradients(loss, list(trainer.trainable.values()), batch, slices)
    assert seen == [(slices == 1, slices == 1)] * slices


@pytest.mark.parametrize("slices", [1, 2])
def test_a_parameter_that_the_loss_does_not_read_has_zeros(backbone, two_threads, slices):
    trainer, batch = make_trainer(backbone, CASES["lora"], 10)
    unread = torch.nn.Parameter(torch.ones(2, 3, dtype=torch.bfloat16))
    _, grads = gradients(lambda part: trainer.loss(part, 8), [*trainer.trainable.values(), unread], batch, slices)
    assert torch.equal(grads[-1], torch.zeros(2, 3))
    assert {grad.dtype for grad in grads} == {torch.float32}


def test_no_row_is_lost_between_slices(backbone):
    _, batch = make_trainer(backbone, CASES["lora"], 10)
    for slices in (1, 2, 3, 7):
        parts = sliced(batch, slices)
        assert len(parts) == slices
        assert [row for part in parts for row in part.rows] == list(batch.rows)


def test_a_batch_has_a_slice_a_thread_of_rows_enough_unless_dropout_draws(backbone, two_threads):
    model = moved(backbone, CASES["lora"])
    assert [slices_for(model, CPU, rows) for rows in (1, 15, 16, 64)] == [1, 1, 2, 2]
    assert slices_for(model, torch.device("cuda"), 64) == 1
    for module in model.modules():  # inside attention it is a number, elsewhere a layer
        for drawing in ("p", "dropout"):
            if isinstance(getattr(module, drawing, None), float):
                setattr(module, drawing, 0.1)
                assert draws_random_numbers(model)
                assert slices_for(model, CPU, 64) == 1
                setattr(module, drawing, 0.0)
    assert slices_for(model, CPU, 64) == 2


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_have_their_share_of_the_cores_and_the_caller_keeps_its_own(two_threads, threads):
    seen = list(in_threads(lambda _: torch.get_num_threads(), range(4), threads))
    assert seen == [2 // threads] * 4
    assert torch.get_num_threads() == 2


def test_the_callers_autocast_holds_in_the_threads():
    x = torch.ones(2, 2)
    with torch.autocast("cpu", torch.bfloat16):
        inside = list(in_threads(lambda _: (x @ x).dtype, range(3), 2))
    assert inside == [torch.bfloat16] * 3
    assert list(in_threads(lambda _: (x @ x).dtype, range(3), 2)) == [torch.float32] * 3


def test_what_a_thread_raises_is_raised():
    def work(item):
        raise ValueError(item)

    with pytest.raises(ValueError, match="7"):
        list(in_threads(work, [7, 8], 2))


def test_full_fine_tuning_in_bf16_loses_no_small_update(backbone):
    """A step far smaller than bf16 can show: the fp32 copy moves, and in the end the model does."""
    model = backbone.own_copy()
    set_backbone_dropout(model, 0.0)
    model = apply_method(model, CASES["full"])
    cast(model, torch.bfloat16)
    trainer, batch = make_trainer(backbone, CASES["lora"], 10)
    trainer = Trainer(
        model,
        TrainConfig(batch_size=10, epochs=50, warmup_fraction=0),
        1e-5,
        lambda epoch: [batch],
        torch.arange(10) % 2,
        (3, 4),
        None,
        CPU,
    )
    name = "shared.weight"
    before = trainer.weights[name].clone()
    trainer.take_step(batch)
    assert not torch.equal(trainer.weights[name], before)
    for name, weight in trainer.weights.items():
        assert weight.dtype == torch.float32
        assert torch.equal(trainer.trainable[name], weight.to(torch.bfloat16))
