"""Fused modules compute what the plain ones do, for every method; slices of a batch add up to the whole."""

import copy

import pytest
import torch

from peft_core.config import TrainConfig
from peft_core.methods import apply_method, trainable_tensors
from peft_core.methods.common import merge
from peft_core.methods.fast import fuse
from peft_core.methods.lora.layer import lora_layers
from peft_core.methods.lora.method import TARGET_MODULES, LoraConfig
from peft_core.reviews.batches import FILLER, Batch
from peft_core.t5.backbone import first_step_hidden, load_backbone
from peft_core.t5.precision import cast, set_backbone_dropout
from peft_core.training.device import COMPILE_FROM_STEPS, compile_if_it_pays
from peft_core.training.gradients import draws_random_numbers, gradients, in_threads, sliced, slices_for
from peft_core.training.loop import Trainer
from tests.cases import CASES, GATED, every_config, make_base

CPU = torch.device("cpu")


def build(backbone, config, seed=0):
    """A model with the method, all of its parameters moved away from where they start."""
    model = backbone.own_copy()
    set_backbone_dropout(model, 0.0)
    torch.manual_seed(seed)
    model = apply_method(model, config, [7, 8])
    with torch.no_grad():
        for parameter in trainable_tensors(model).values():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def answer(model, batch):
    """(logits, gradients) of one decoder step."""
    logits, _ = first_step_hidden(model, *batch)
    loss = logits.float().logsumexp(-1).sum() - logits[:, 3].float().sum()
    return logits, torch.autograd.grad(loss, list(trainable_tensors(model).values()), materialize_grads=True)


@every_config
@pytest.mark.parametrize("architecture", [None, GATED], ids=["relu", "gated"])
def test_fused_is_plain(backbone, tmp_path, batch, config, architecture):
    if architecture is not None:
        backbone = load_backbone(str(make_base(tmp_path / "gated", architecture)))
    plain = build(backbone, config)
    fused = fuse(copy.deepcopy(plain), CPU)
    assert any(type(module).__name__.startswith("Fused") for module in fused.modules())
    assert list(fused.state_dict()) == list(plain.state_dict())
    for (logits, grads), (wanted, wanted_grads) in [(answer(fused, batch), answer(plain, batch))]:
        torch.testing.assert_close(logits, wanted, atol=1e-5, rtol=1e-4)
        for grad, wanted_grad in zip(grads, wanted_grads, strict=True):
            torch.testing.assert_close(grad, wanted_grad, atol=1e-5, rtol=1e-3)


@every_config
def test_in_bf16_fused_is_no_further_from_fp32_than_plain(backbone, batch, config):
    exact = build(backbone, config)
    plain = copy.deepcopy(exact)
    cast(plain, torch.bfloat16)
    fused = fuse(copy.deepcopy(plain), CPU)
    logits, _ = answer(exact, batch)
    off = [(answer(model, batch)[0].float() - logits).norm().item() for model in (plain, fused)]
    assert off[1] < 1.5 * off[0]


@every_config
def test_fused_generates_what_plain_does(backbone, batch, config):
    plain = build(backbone, config).eval()
    fused = fuse(copy.deepcopy(plain), CPU)
    arguments = {"input_ids": batch[0], "attention_mask": batch[1], "max_new_tokens": 3}
    assert torch.equal(fused.generate(**arguments), plain.generate(**arguments))


def test_a_merged_lora_answers_the_same(backbone, batch):
    model = fuse(build(backbone, LoraConfig(r=2, target_modules=("q", "k", "v", "o", "wi", "wo"))), CPU)
    before, _ = first_step_hidden(model, *batch)
    merge(model)
    after, _ = first_step_hidden(model, *batch)
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-4)


def test_with_dropout_a_fused_model_draws_what_a_plain_one_draws(backbone, batch):
    model = backbone.own_copy()
    set_backbone_dropout(model, 0.1)
    plain = apply_method(model, LoraConfig(dropout=0.1)).train()
    fused = fuse(copy.deepcopy(plain), CPU)
    answers = []
    for model in (plain, fused):
        torch.manual_seed(5)
        answers.append(first_step_hidden(model, *batch)[0])
    torch.testing.assert_close(*answers, atol=1e-5, rtol=1e-4)
    assert draws_random_numbers(fused)
    assert slices_for(fused, CPU, 64) == 1
    torch.testing.assert_close(*(first_step_hidden(model.eval(), *batch)[0] for model in (plain, fused)))


class Half(torch.nn.Module):
    """A dropout that draws nothing: whoever leaves it out has other numbers."""

    p = 0.5

    def forward(self, x):
        return 0.5 * x if self.training else x


def test_no_dropout_of_lora_is_left_out(backbone, batch):
    model = backbone.own_copy()
    set_backbone_dropout(model, 0.0)
    plain = apply_method(model, LoraConfig(target_modules=TARGET_MODULES)).train()
    for layer in lora_layers(plain).values():
        layer.dropout = Half()
        torch.nn.init.normal_(layer.lora_B)  # while B is zero, what A drops cannot be seen
    fused = fuse(copy.deepcopy(plain), CPU)
    torch.testing.assert_close(*(first_step_hidden(model, *batch)[0] for model in (fused, plain)), atol=1e-4, rtol=1e-3)


def test_a_model_for_a_gpu_stays_plain(backbone):
    model = fuse(backbone.own_copy(), torch.device("cuda"))
    assert not any(type(module).__name__.startswith("Fused") for module in model.modules())


def make_trainer(backbone, config, rows):
    model = build(backbone, config)
    generator = torch.Generator().manual_seed(3)
    ids = torch.randint(5, 27, (rows, 7), generator=generator).numpy()
    numbers = torch.arange(rows).numpy()
    numbers[-2:] = FILLER
    batch = Batch(ids, (ids > 0).astype("int64"), numbers)
    labels = torch.arange(rows) % 2
    return Trainer(model, TrainConfig(batch_size=rows), 1e-3, lambda epoch: [batch], labels, (3, 4), None, CPU), batch


@every_config
@pytest.mark.parametrize("slices", [2, 3])
def test_slices_of_a_batch_have_the_gradients_of_the_whole(backbone, config, slices):
    trainer, batch = make_trainer(backbone, config, 10)
    parameters = list(trainer.trainable.values())
    whole, wanted = gradients(trainer.loss, parameters, batch, 1)
    loss, grads = gradients(lambda part: trainer.loss(part, 8), parameters, batch, slices)
    assert loss == pytest.approx(whole, rel=1e-5)
    for grad, wanted_grad in zip(grads, wanted, strict=True):
        torch.testing.assert_close(grad, wanted_grad, atol=1e-6, rtol=1e-4)
    again = gradients(lambda part: trainer.loss(part, 8), parameters, batch, slices)
    assert all(torch.equal(a, b) for a, b in zip(grads, again[1], strict=True))  # whichever thread ends first


def test_no_row_is_lost_between_slices(backbone):
    _, batch = make_trainer(backbone, CASES["lora"], 10)
    for slices in (1, 2, 3, 7):
        parts = sliced(batch, slices)
        assert len(parts) == slices
        assert [row for part in parts for row in part.rows] == list(batch.rows)


def test_threads_have_their_share_of_the_cores_and_the_caller_keeps_its_own():
    before = torch.get_num_threads()
    seen = list(in_threads(lambda _: torch.get_num_threads(), range(4), before))
    assert seen == [1] * 4
    assert torch.get_num_threads() == before


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


def test_only_a_long_run_on_a_gpu_is_compiled(backbone, monkeypatch):
    model, compiled = backbone.own_copy(), []
    monkeypatch.setattr(type(model), "compile", lambda self: compiled.append(self))
    assert not compile_if_it_pays(model, CPU, 10**6)
    assert not compile_if_it_pays(model, torch.device("cuda"), COMPILE_FROM_STEPS - 1)
    assert compiled == []
    assert compile_if_it_pays(model, torch.device("cuda"), COMPILE_FROM_STEPS)
    assert compiled == [model]
