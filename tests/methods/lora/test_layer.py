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
