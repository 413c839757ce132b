"""The laws of the methods, each written once and held by every configuration."""

import torch

from peft_core.counting.by_hand import count
from peft_core.counting.by_numel import count_by_numel
from peft_core.methods import apply_method, trainable_tensors
from peft_core.methods.common import merge, unmerge
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora import layer as lora
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.t5.backbone import fingerprint, load_backbone
from tests.cases import GATED, every_config, make_base
from tests.trained import PROMPT_IDS, apply, logits, train_a_little

IDLE = ("q", "k", "relative_attention_bias")


def idle_in_one_step(name: str) -> bool:
    """The decoder reads a single token, and softmax over one score is 1 whatever q, k and position bias say."""
    return any(f"decoder.block.{i}.layer.0.SelfAttention.{part}" in name for i in range(2) for part in IDLE)


@every_config
def test_at_step_0_the_model_is_the_base_model_unless_a_prompt_is_in_front(backbone, batch, config):
    """B = 0 and W_up = 0 make the added part exactly zero; a prompt adds positions and so changes the output."""
    same = torch.equal(logits(apply(backbone, config), batch, backbone), logits(backbone.model, batch, backbone))
    assert same is not isinstance(config, SoftPromptConfig)


@every_config
def test_training_moves_every_trainable_tensor_and_nothing_else(backbone, batch, config):
    model = apply(backbone, config)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    train_a_little(model, batch)
    for name, parameter in model.named_parameters():
        moved = not torch.equal(parameter, before[name])
        if not (parameter.requires_grad and idle_in_one_step(name)):
            assert moved is parameter.requires_grad, name


@every_config
def test_hand_count_numel_on_meta_and_the_real_model_agree(backbone, config):
    model = apply(backbone, config)
    shape = backbone.base.architecture
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    total = sum(p.numel() for p in model.parameters())
    by_hand, by_numel = count(shape, config), count_by_numel(shape, config)
    assert trainable == by_hand.trainable_parameters == by_numel.numel_trainable
    assert total == by_hand.total_parameters == by_numel.numel_total


@every_config
def test_applying_to_a_replica_shares_the_weights_and_leaves_the_backbone_alone(backbone, batch, config):
    if isinstance(config, FullConfig):
        return  # trains the weights themselves: works on a copy of its own
    before = logits(backbone.model, batch, backbone)
    model = apply_method(backbone.replica(), config, PROMPT_IDS)
    train_a_little(model, batch)
    assert fingerprint(backbone.model) == backbone.fingerprint
    assert torch.equal(logits(backbone.model, batch, backbone), before)
    shared = {p.data_ptr() for p in backbone.model.parameters()}
    assert {p.data_ptr() for p in model.parameters() if not p.requires_grad} == shared


@every_config
def test_the_same_seed_gives_the_same_initial_tensors(backbone, config):
    one, two = (trainable_tensors(apply(backbone, config, seed=7)) for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


@every_config
def test_one_decoder_step_answers_what_generate_would_say_first(backbone, batch, config):
    model = apply(backbone, config)
    train_a_little(model, batch)
    model.eval()
    ids, mask = batch
    with torch.inference_mode():
        said = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=1, do_sample=False)[:, 1]
        out = model(input_ids=ids, attention_mask=mask, decoder_input_ids=ids.new_zeros(len(ids), 1), use_cache=False)
    assert torch.equal(said, out.logits[:, 0].argmax(-1))
    words = out.logits[:, 0][:, list(backbone.label_ids)]
    assert torch.allclose(logits(model, batch, backbone), words, atol=1e-5)


@every_config
def test_a_gated_t5_takes_every_method(tmp_path, batch, config):
    gated = load_backbone(str(make_base(tmp_path / "gated", GATED)))
    model = apply_method(gated.own_copy(), config, PROMPT_IDS)
    trainable = sum(p.numel() for p in trainable_tensors(model).values())
    assert trainable == count(GATED, config).trainable_parameters
    train_a_little(model, batch, steps=1)


def test_merged_lora_computes_the_same_and_unmerging_restores_every_bit(backbone, batch):
    for targets in (("q", "v"), ("q", "k", "v", "o", "wi", "wo")):
        model = apply(backbone, LoraConfig(r=3, alpha=5, target_modules=targets))
        train_a_little(model, batch)
        unmerged = logits(model, batch, backbone)
        weights = {name: layer.base_layer.weight.clone() for name, layer in lora.lora_layers(model).items()}
        merge(model)
        merge(model)  # idempotent
        for name, layer in lora.lora_layers(model).items():
            assert torch.allclose(layer.weight, weights[name] + layer.delta_weight())
        assert torch.allclose(logits(model, batch, backbone), unmerged, atol=1e-4)
        assert not torch.equal(unmerged, logits(backbone.model, batch, backbone))
        unmerge(model)
        assert all(torch.equal(layer.weight, weights[n]) for n, layer in lora.lora_layers(model).items())
        assert torch.equal(logits(model, batch, backbone), unmerged)


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
