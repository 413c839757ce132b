"""What only LoRA has: the layers that it goes to, and α/r."""

import torch

from peft_core.methods.lora import layer as lora
from peft_core.methods.lora.method import LoraConfig
from tests.trained import apply


def test_lora_targets_self_and_cross_attention_of_every_block(backbone):
    names = set(lora.lora_layers(apply(backbone, LoraConfig())))
    expected = {f"encoder.block.{i}.layer.0.SelfAttention.{m}" for i in range(2) for m in "qv"}
    expected |= {f"decoder.block.{i}.layer.0.SelfAttention.{m}" for i in range(2) for m in "qv"}
    expected |= {f"decoder.block.{i}.layer.1.EncDecAttention.{m}" for i in range(2) for m in "qv"}
    assert names == expected


def test_scaling_multiplies_the_update(backbone):
    one = apply(backbone, LoraConfig(r=2, alpha=2))
    four = apply(backbone, LoraConfig(r=2, alpha=8))
    for a, b in zip(lora.lora_layers(one).values(), lora.lora_layers(four).values(), strict=True):
        torch.nn.init.ones_(a.lora_B)
        torch.nn.init.ones_(b.lora_B)
        assert torch.allclose(4 * a.delta_weight(), b.delta_weight())


def test_a_starts_as_in_the_papers_code_and_b_at_zero():
    """kaiming_uniform with a = √5: between −1/√in and 1/√in."""
    torch.manual_seed(0)
    layer = lora.LoRALinear(torch.nn.Linear(16, 24, bias=False), LoraConfig(r=1000))
    assert not layer.lora_B.any()
    assert 0.99 / 4 < layer.lora_A.max() <= 1 / 4
    assert -1 / 4 <= layer.lora_A.min() < -0.99 / 4


def test_only_dropout_at_work_keeps_a_layer_from_being_one_weight():
    for p, training, is_one in ((0.0, True, True), (0.5, True, False), (0.5, False, True)):
        layer = lora.LoRALinear(torch.nn.Linear(6, 4, bias=False), LoraConfig(r=2, dropout=p)).train(training)
        assert (layer.linear_form() is not None) is is_one
        assert not layer.delta_weight().requires_grad
