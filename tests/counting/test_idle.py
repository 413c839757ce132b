"""What cannot learn: its gradient is exactly zero with one decoder step, and with two it is not."""

import pytest
import torch

from peft_core.counting.by_numel import count_by_numel
from peft_core.methods import trainable_tensors
from peft_core.methods.full.method import FullConfig
from peft_core.methods.ia3.method import Ia3Config
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import method_of
from peft_core.t5.architecture import base_model
from peft_core.t5.names import idle_in_one_step
from tests.cases import CASES, every_config
from tests.checkpoints.exchange.peft_kinds import first_logits
from tests.trained import moved


def gradients(model, batch, steps: int) -> dict[str, torch.Tensor]:
    """Of −log p of the label words at the first decoder step of several."""
    ids, mask = batch
    start = torch.tensor([[0, 3][:steps]] * len(ids))
    logits = model(input_ids=ids, attention_mask=mask, decoder_input_ids=start, use_cache=False).logits
    targets = torch.tensor([3, 4, 3])
    loss = sum(torch.nn.functional.cross_entropy(logits[:, step], targets) for step in range(steps))
    tensors = trainable_tensors(model)
    found = torch.autograd.grad(loss, list(tensors.values()), allow_unused=True)
    return {name: torch.zeros_like(p) if g is None else g for (name, p), g in zip(tensors.items(), found, strict=True)}


@pytest.fixture(params=["backbone", "gated"])
def base(request):
    return request.getfixturevalue(request.param)


@torch.inference_mode()
def numbers_nobody_reads(model, batch, found) -> int:
    """Those in columns without a gradient that can be made NaN, and the answer stays a number."""
    unread = 0
    for name, tensor in trainable_tensors(model).items():
        if tensor.dim() == 2 and not idle_in_one_step(name):
            for column in (~torch.stack([each[name].ne(0) for each in found]).any(0).any(0)).nonzero().flatten():
                before = tensor[:, column].clone()
                tensor[:, column] = torch.nan
                unread += len(tensor) * bool(first_logits(model, batch).isfinite().all())
                tensor[:, column] = before
    return unread


@every_config
def test_what_is_called_idle_gets_no_gradient_and_all_else_does(base, batch, config):
    """Over several models: in one of them a ReLU may be off for every text."""
    found = [gradients(moved(base, config, seed), batch, steps=1) for seed in range(4)]
    idle = {name for name in found[0] if idle_in_one_step(name)}
    assert {name for name in found[0] if not any(each[name].any() for each in found)} == idle
    counted = count_by_numel(base.base, config)
    assert counted.numel_idle == sum(found[0][name].numel() for name in idle)
    if not method_of(config).owns_weights:  # among whose numbers are those of words that no text has
        assert counted.numel_unread == numbers_nobody_reads(moved(base, config), batch, found)


def test_a_second_decoder_step_would_wake_them(backbone, batch):
    config = next(config for config in CASES.values() if count_by_numel(backbone.base, config).numel_idle)
    found = gradients(moved(backbone, config), batch, steps=2)
    assert all(found[name].any() for name in found if idle_in_one_step(name))


@pytest.mark.parametrize(
    ("base", "config", "idle"),
    [
        ("tiny-t5", LoraConfig(r=8), 2 * 8 * (384 + 384)),  # two decoder blocks, q alone of q and v
        ("t5-small", LoraConfig(r=8), 6 * 8 * (512 + 512)),
        ("t5-small", LoraConfig(r=8, target_modules=("v", "o")), 0),
        ("t5-small", FullConfig(), 6 * 2 * 512 * 512 + 32 * 8),  # q and k, and the position bias of the first block
        ("t5-small", Ia3Config(), 6 * 512),  # what rescales k
    ],
)
def test_the_sums_by_hand(base, config, idle):
    assert count_by_numel(base_model(base), config).numel_idle == idle
    if base == "tiny-t5":
        assert idle == 12_288


def test_a_shipped_lora_has_learnt_nothing_there():
    from safetensors.numpy import load_file

    from peft_core.paths import SHIPPED_CHECKPOINTS

    stored = load_file(SHIPPED_CHECKPOINTS / "lora-8" / "adapter_model.safetensors")
    ups = {name: values for name, values in stored.items() if "lora_B" in name}
    assert (
        {name for name, values in ups.items() if not values.any()} == {n for n in ups if idle_in_one_step(n)} != set()
    )
