"""What only LoRA has: the layers that it goes to, and α/r."""

from collections import Counter
from math import sqrt

import pytest
import torch

from peft_core.errors import PeftClassroomError
from peft_core.methods.lora import layer as lora
from peft_core.methods.lora.method import METHOD, LoraConfig
from peft_core.methods.registry import method_config
from tests.cases import GATED, TINY
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


def test_rslora_divides_by_the_root_of_each_layers_own_rank(backbone):
    name = "encoder.block.0.layer.0.SelfAttention.q"
    config = LoraConfig(r=9, alpha=6, use_rslora=True, rank_pattern={name: 4}, alpha_pattern={name: 5})
    layers = lora.lora_layers(apply(backbone, config))
    assert layers.pop(name).scaling == 5 / sqrt(4)
    assert {layer.scaling for layer in layers.values()} == {6 / sqrt(9)}


def test_every_row_of_doras_weight_has_the_trained_length(backbone):
    layer = lora.DoRALinear(torch.nn.Linear(16, 24, bias=False), LoraConfig(r=2, use_dora=True))
    before = layer.base_layer.weight.detach()
    torch.testing.assert_close(layer.lora_magnitude_vector, before.norm(dim=1))
    assert not layer.delta_weight().any()
    with torch.no_grad():
        layer.lora_B.normal_()
        layer.lora_magnitude_vector.uniform_(1, 2)
    whole = before + layer.delta_weight()
    torch.testing.assert_close(whole.norm(dim=1), layer.lora_magnitude_vector)
    direction = before + layer.scaling * layer.lora_B @ layer.lora_A
    cosine = torch.nn.functional.cosine_similarity(whole, direction, dim=1)
    torch.testing.assert_close(cosine, torch.ones(24))
    layer.merge()
    torch.testing.assert_close(layer.weight, whole)
    torch.testing.assert_close(before + layer.delta_weight(), whole)  # also while it is merged


@pytest.mark.parametrize("config", METHOD.examples.values(), ids=[name or "usual" for name in METHOD.examples])
def test_a_part_of_the_model_has_one_line(config):
    """The page lays a line beside the numel() of its part."""
    for shape in (TINY, GATED):
        assert max(Counter(line.part for line in METHOD.added(shape, config)).values()) == 1


def test_the_line_of_layers_that_are_not_alike_names_each_kind():
    texts = [line.text for line in METHOD.added(TINY, METHOD.examples["patterns"])]
    assert texts[0] == "encoder self-attention: 1 layer (k) × 2·(16+12) + 1 layer (v) × 4·(16+12)"
    dora = METHOD.added(TINY, LoraConfig(r=2, use_dora=True, target_modules=("wo",)))
    assert [line.product for line in dora] == ["2 blocks × 1 (wo) × (2·(16+24) + 16)"] * 2


def test_a_target_that_this_t5_lacks_is_named(backbone):
    config = LoraConfig(target_modules=("encoder.block.7.layer.0.SelfAttention.q",))
    with pytest.raises(PeftClassroomError, match=r"block\.7"):
        list(METHOD.added(TINY, config))
    with pytest.raises(PeftClassroomError, match=r"block\.7"):
        apply(backbone, config)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"target_modules": ["q", "encoder.block.0.layer.0.SelfAttention.v"]}, "not both"),
        ({"target_modules": ["lm_head"]}, "lm_head"),
        ({"rank_pattern": {"encoder.block.0.layer.0.SelfAttention.k": 2}}, "none of the target modules"),
        ({"rank_pattern": ["encoder.block.0.layer.0.SelfAttention.q=0"]}, "rank_pattern"),
        ({"alpha_pattern": ["q"]}, "alpha_pattern"),
    ],
)
def test_targets_and_tables_that_mean_nothing_are_refused(given, said):
    with pytest.raises(PeftClassroomError, match=said):
        method_config("lora", **given)


def test_a_table_is_the_same_from_a_file_from_pairs_and_from_a_command_line():
    name = "encoder.block.0.layer.0.SelfAttention.q"
    made = [method_config("lora", rank_pattern=given) for given in ({name: 2}, [[name, 2]], [f"{name}=2"])]
    assert made[0] == made[1] == made[2]
    assert method_config("lora", rank_pattern={name: 8}) == LoraConfig()  # the usual rank is no exception
