"""The laws of the methods, each written once and held by every example configuration, over a T5 v1.0 and a T5 v1.1."""

import copy
from collections import Counter

import pytest
import torch
from safetensors.torch import load_file

from peft_core.checkpoints.asking.packed_pass import can_share
from peft_core.checkpoints.asking.passes import TOLERANCE, Row, label_logits
from peft_core.checkpoints.files import load_checkpoint, save_checkpoint
from peft_core.counting.by_hand import count
from peft_core.counting.by_numel import count_by_numel
from peft_core.methods import apply_method, trainable_tensors
from peft_core.methods.common import merge, unmerge, wrapped_linears
from peft_core.methods.fast import fuse
from peft_core.methods.registry import METHODS, method_of
from peft_core.report.export.chart import MARKERS
from peft_core.t5.backbone import first_step_hidden
from peft_core.t5.identity import fingerprint
from peft_core.t5.parts import part_of
from peft_core.t5.precision import cast
from tests.cases import every_config
from tests.trained import PROMPT_IDS, apply, logits, make_record, moved, on_replica, train_a_little, trained

CPU = torch.device("cpu")
IDLE = ("q", "k", "relative_attention_bias")
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


@pytest.fixture(params=["backbone", "gated"])
def base(request):
    return request.getfixturevalue(request.param)


def idle_in_one_step(name: str) -> bool:
    """The decoder reads a single token, and softmax over one score is 1 whatever q, k and position bias say."""
    return any(f"decoder.block.{i}.layer.0.SelfAttention.{part}" in name for i in range(2) for part in IDLE)


# ---------------------------------------------------------------------------------------------------------------------
# Put on


@every_config
def test_at_step_0_the_model_is_the_base_model_or_the_method_says_that_it_is_not(base, batch, config):
    same = torch.equal(logits(apply(base, config), batch, base), logits(base.model, batch, base))
    assert same is method_of(config).starts_as_base(config)


@every_config
def test_hand_count_numel_on_meta_and_the_real_model_agree(base, config):
    model = apply(base, config)
    shape = base.base.architecture
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    total = sum(p.numel() for p in model.parameters())
    by_hand, by_numel = count(shape, config), count_by_numel(shape, config)
    assert trainable == by_hand.trainable_parameters == by_numel.numel_trainable
    assert total == by_hand.total_parameters == by_numel.numel_total


@every_config
def test_every_part_that_is_counted_by_hand_holds_as_many_trainable_numbers(base, config):
    """The two counts agree line by line, not in the sum alone; a tensor tells its part by its name."""
    by_hand, by_numel = Counter(), Counter()
    for line in count(base.base.architecture, config).lines:
        by_hand[line.part] += line.value
    for name, tensor in trainable_tensors(apply(base, config)).items():
        by_numel[part_of(name)] += tensor.numel()
    assert by_hand == by_numel


@every_method
def test_a_method_has_examples_and_a_look_of_its_own(method):
    assert method.examples
    assert all(type(config) is method.config for config in method.examples.values())
    others = [other for other in METHODS.values() if other is not method]
    assert method.look.marker in MARKERS
    assert not {method.look.light, method.look.dark} & {c for o in others for c in (o.look.light, o.look.dark)}
    assert method.look.marker not in {other.look.marker for other in others}


@every_config
def test_different_tensors_have_different_names_in_the_file(base, config):
    names = list(trainable_tensors(apply(base, config)))
    assert len({method_of(config).stored_name(name) for name in names}) == len(names)


@every_config
def test_the_same_seed_gives_the_same_initial_tensors(backbone, config):
    one, two = (trainable_tensors(apply(backbone, config, seed=7)) for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


# ---------------------------------------------------------------------------------------------------------------------
# Trained


@every_config
def test_training_moves_every_trainable_tensor_and_nothing_else(base, batch, config):
    model = apply(base, config)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    train_a_little(model, batch)
    for name, parameter in model.named_parameters():
        if not (parameter.requires_grad and idle_in_one_step(name)):
            assert torch.equal(parameter, before[name]) is not parameter.requires_grad, name


@every_config
def test_training_over_a_replica_shares_the_weights_and_leaves_the_backbone_alone(backbone, batch, config):
    if method_of(config).owns_weights:
        return  # it trains a copy of its own
    before = logits(backbone.model, batch, backbone)
    model = apply_method(backbone.replica(), config, PROMPT_IDS)
    train_a_little(model, batch)
    assert fingerprint(backbone.model) == backbone.fingerprint
    assert torch.equal(logits(backbone.model, batch, backbone), before)
    shared = {p.data_ptr() for p in backbone.model.parameters()}
    assert {p.data_ptr() for p in model.parameters() if not p.requires_grad} == shared


@every_config
def test_one_decoder_step_answers_what_generate_would_say_first(backbone, batch, config):
    model = trained(backbone, config, batch)
    ids, mask = batch
    with torch.inference_mode():
        said = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=1, do_sample=False)[:, 1]
        out = model(input_ids=ids, attention_mask=mask, decoder_input_ids=ids.new_zeros(len(ids), 1), use_cache=False)
    assert torch.equal(said, out.logits[:, 0].argmax(-1))
    words = out.logits[:, 0][:, list(backbone.label_ids)]
    assert torch.allclose(logits(model, batch, backbone), words, atol=1e-5)


# ---------------------------------------------------------------------------------------------------------------------
# Saved and loaded


@every_config
def test_save_then_load_is_bit_exact_and_the_file_holds_the_trainable_tensors_alone(base, batch, config, tmp_path):
    model = trained(base, config, batch)
    save_checkpoint(model, make_record(base, config), base, tmp_path / "c")
    assert [p.name for p in tmp_path.iterdir()] == ["c"]  # nothing half-written stays behind
    stored = load_file(tmp_path / "c" / method_of(config).weights_file)
    assert sum(t.numel() for t in stored.values()) == sum(p.numel() for p in trainable_tensors(model).values())
    torch.manual_seed(99)  # what the loader draws must not matter
    loaded, record = load_checkpoint(tmp_path / "c", base)
    assert record.config.method == config
    mine, theirs = dict(model.named_parameters()), dict(loaded.named_parameters())
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert torch.equal(logits(model, batch, base), logits(loaded, batch, base))
    assert not torch.equal(logits(loaded, batch, base), logits(base.model, batch, base))


# ---------------------------------------------------------------------------------------------------------------------
# Computed in other ways: fused, packed, merged


def answer(model, batch):
    """(logits, gradients) of one decoder step."""
    logits, _ = first_step_hidden(model, *batch)
    loss = logits.float().logsumexp(-1).sum() - logits[:, 3].float().sum()
    return logits, torch.autograd.grad(loss, list(trainable_tensors(model).values()), materialize_grads=True)


@every_config
def test_fused_is_plain(base, batch, config):
    plain = moved(base, config)
    fused = fuse(copy.deepcopy(plain), CPU)
    assert any(type(module).__name__.startswith("Fused") for module in fused.modules())
    assert list(fused.state_dict()) == list(plain.state_dict())
    (logits, grads), (wanted, wanted_grads) = answer(fused, batch), answer(plain, batch)
    torch.testing.assert_close(logits, wanted, atol=1e-5, rtol=1e-4)
    for grad, wanted_grad in zip(grads, wanted_grads, strict=True):
        torch.testing.assert_close(grad, wanted_grad, atol=1e-5, rtol=1e-3)


@every_config
def test_in_bf16_fused_is_no_further_from_fp32_than_plain(backbone, batch, config):
    exact = moved(backbone, config)
    plain = copy.deepcopy(exact)
    cast(plain, torch.bfloat16)
    fused = fuse(copy.deepcopy(plain), CPU)
    logits, _ = answer(exact, batch)
    off = [(answer(model, batch)[0].float() - logits).norm().item() for model in (plain, fused)]
    assert off[1] < 1.5 * off[0]


@every_config
def test_fused_generates_what_plain_does(backbone, batch, config):
    plain = moved(backbone, config).eval()
    fused = fuse(copy.deepcopy(plain), CPU)
    arguments = {"input_ids": batch[0], "attention_mask": batch[1], "max_new_tokens": 3}
    assert torch.equal(fused.generate(**arguments), plain.generate(**arguments))


@every_config
def test_packed_is_what_the_library_says_of_each_row_alone(base, batch, config):
    model = on_replica(base, trained(base, config, batch), config)
    rows = [Row(model, [5, 6, *range(7, 7 + length)]) for length in (1, 9, 4)]
    alone = [(torch.tensor([row.ids]), torch.ones(1, len(row.ids), dtype=torch.long)) for row in rows]
    expected = torch.cat([logits(model, one, base) for one in alone])
    torch.testing.assert_close(label_logits(rows, base.label_ids), expected, rtol=0, atol=TOLERANCE)
    of_the_base = label_logits([Row(base.model, row.ids) for row in rows], base.label_ids)
    assert (of_the_base - expected).abs().max() > 10 * TOLERANCE  # what is added can be told from nothing


@every_config
def test_only_models_of_the_backbones_own_weights_are_packed_together(backbone, batch, config):
    """And, of those, only what a pass can compute: a method says so by `PACKED`."""
    model, method = trained(backbone, config, batch), method_of(config)
    packed = not method.owns_weights and hasattr(method.layer, "PACKED")
    assert can_share(on_replica(backbone, model, config), backbone) is packed
    assert not can_share(model, backbone)  # equal weights, but others


@every_config
@pytest.mark.parametrize("fused", [False, True])
def test_merged_computes_the_same_and_unmerging_restores_every_bit(base, batch, config, fused):
    model = trained(base, config, batch)
    if not (layers := wrapped_linears(model)):
        return  # nothing of it is a linear layer around another
    if fused:
        fuse(model, CPU)
    unmerged = logits(model, batch, base)
    weights = {name: layer.base_layer.weight.clone() for name, layer in layers.items()}
    merge(model)
    merge(model)  # idempotent
    assert torch.allclose(logits(model, batch, base), unmerged, atol=1e-4)
    assert not torch.equal(unmerged, logits(base.model, batch, base))
    assert any(not torch.equal(layer.weight, weights[name]) for name, layer in layers.items())
    unmerge(model)
    assert all(torch.equal(layer.weight, weights[name]) for name, layer in layers.items())
    assert torch.equal(logits(model, batch, base), unmerged)
