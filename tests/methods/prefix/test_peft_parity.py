"""Prefix tuning beside peft's PREFIX_TUNING, which stands in the decoder's self-attention."""

from dataclasses import replace

import pytest
import torch
from peft import PeftModel, PrefixTuningConfig

from peft_core.counting.by_hand import count
from peft_core.errors import PeftClassroomError
from peft_core.methods.prefix.method import METHOD, PrefixConfig, pairs_read
from peft_core.t5.backbone import load_backbone
from tests.cases import TINY, make_base
from tests.methods.peft_folders import all_logits, assert_equal, counts, described, opened_here, saved_by_peft
from tests.trained import apply

SHAPES = {"token_dim": 12, "num_attention_heads": 3}  # of the test bases; peft's own default is d_model, 16


@pytest.fixture(params=["backbone", "gated"])
def base(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def deep(tmp_path_factory):
    """Four blocks in the decoder, and heads that together are as wide as the model."""
    shape = replace(TINY, d_model=12, encoder_layers=4, decoder_layers=4)
    return load_backbone(str(make_base(tmp_path_factory.mktemp("bases") / "deep", shape)))


def of_peft(**settings) -> PrefixTuningConfig:
    return PrefixTuningConfig(**{"task_type": "SEQ_2_SEQ_LM", "num_virtual_tokens": 5} | settings)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {}),
        ({"num_layers": 3}, {"num_layers": 3}),
        ({"num_layers": 7, "num_virtual_tokens": 1}, {"num_layers": 7, "num_virtual_tokens": 1}),
        ({"init_weights": "zero"}, {"prompt_init": "zero"}),
    ],
)
def test_a_folder_of_peft_computes_the_same_here(base, batch, settings, expected, tmp_path):
    theirs = saved_by_peft(base, of_peft(**SHAPES | settings), tmp_path)
    ours, config, notes = opened_here(tmp_path, base)
    assert (config, notes) == (PrefixConfig(**{"num_virtual_tokens": 5} | expected), ())
    assert_equal(ours, theirs, batch, base)


def test_peft_left_to_itself_computes_the_same_here(deep, batch, tmp_path):
    theirs = saved_by_peft(deep, of_peft(), tmp_path)
    ours, config, _ = opened_here(tmp_path, deep)
    assert config == PrefixConfig(num_virtual_tokens=5)
    assert_equal(ours, theirs, batch, deep)
    counted = count(deep.base.architecture, config)
    assert (counted.trainable_parameters, counted.total_parameters) == theirs.get_nb_trainable_parameters()


def test_the_counts_are_those_that_peft_prints(base, tmp_path):
    theirs = saved_by_peft(base, of_peft(**SHAPES), tmp_path)
    assert counts(apply(base, PrefixConfig(num_virtual_tokens=5))) == theirs.get_nb_trainable_parameters()


def test_a_projection_is_stored_as_what_it_made(base, batch, tmp_path):
    saved_by_peft(base, of_peft(**SHAPES, prefix_projection=True, encoder_hidden_size=9), tmp_path)
    theirs = PeftModel.from_pretrained(base.own_copy(), tmp_path).eval()
    ours, _, notes = opened_here(tmp_path, base)
    assert len(notes) == 1 and "projection" in notes[0]
    assert_equal(ours, theirs, batch, base)


@pytest.mark.parametrize("pairs", [4, 5, 6, 7])
def test_the_pairs_that_peft_reads_are_those_that_move(deep, batch, pairs, tmp_path):
    """In peft the gradient of every other pair is zero, here of the same ones."""
    theirs = saved_by_peft(deep, of_peft(num_layers=pairs), tmp_path)
    ours, config, _ = opened_here(tmp_path, deep)
    read = pairs_read(deep.base.architecture.decoder_layers, config.pairs(4))
    ids, mask = batch
    matrices = (theirs.prompt_encoder["default"].embedding.weight, ours.decoder.block[0].layer[0].SelfAttention.prefix)
    for model, matrix in zip((theirs, ours), matrices, strict=True):
        matrix.requires_grad_(True)
        logits = model(input_ids=ids, attention_mask=mask, decoder_input_ids=ids.new_zeros(3, 1)).logits
        (grad,) = torch.autograd.grad(logits.sum(), matrix)
        moves = grad.view(5, pairs, -1).abs().sum((0, 2)) > 0
        assert moves.nonzero().flatten().tolist() == read


def test_later_steps_and_generating_are_those_of_peft(deep, batch, tmp_path):
    """The prefix stays in front while tokens come behind it, with a cache and without."""
    theirs = saved_by_peft(deep, of_peft(), tmp_path)
    ours, _, _ = opened_here(tmp_path, deep)
    torch.testing.assert_close(all_logits(ours, batch, 4), all_logits(theirs, batch, 4), atol=1e-5, rtol=0)
    ids, mask = batch
    said = {"input_ids": ids, "attention_mask": mask, "max_new_tokens": 5, "do_sample": False}
    assert torch.equal(ours.generate(**said), theirs.generate(**said))


def test_a_mask_over_the_decoders_tokens_leaves_the_prefix_open(deep, batch, tmp_path):
    theirs = saved_by_peft(deep, of_peft(), tmp_path)
    ours, _, _ = opened_here(tmp_path, deep)
    ids, mask = batch
    seen = torch.tensor([[1, 1, 1], [0, 1, 1], [0, 0, 1]])
    given = {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": ids[:, :3], "decoder_attention_mask": seen}
    with torch.inference_mode():
        torch.testing.assert_close(ours(**given).logits[:, -1], theirs(**given).logits[:, -1], atol=1e-5, rtol=0)


def test_attention_that_torch_fuses_computes_the_same(deep, batch, tmp_path):
    """On a GPU the base model is loaded with it; it may come without a mask, and means that no later token is seen."""
    saved_by_peft(deep, of_peft(), tmp_path)
    ours, _, _ = opened_here(tmp_path, deep)
    plain = all_logits(ours, batch, 4)
    ours.set_attn_implementation("sdpa")
    try:
        torch.testing.assert_close(all_logits(ours, batch, 4), plain, atol=1e-5, rtol=0)
    finally:
        ours.set_attn_implementation("eager")  # the configuration is shared with the base


def test_in_the_first_block_every_review_gets_the_same_and_behind_it_not(deep):
    """What the page says of one decoder step: the first query has heard of no review yet."""
    model = apply(deep, PrefixConfig(num_virtual_tokens=5)).eval()
    seen = []
    for block in model.decoder.block[:2]:
        block.layer[0].SelfAttention.register_forward_hook(lambda module, _, output: seen.append(output[0]))
    all_logits(model, (torch.tensor([[9, 10, 11], [20, 21, 22]]), torch.ones(2, 3, dtype=torch.long)))
    first, second = ((rows[0] - rows[1]).abs().max() for rows in seen)
    assert first < 1e-6 < 1e-3 < second


@pytest.mark.parametrize("config", METHOD.examples.values())
def test_what_is_written_is_read(base, config):
    written = METHOD.description(config, base.base.architecture, "base")
    assert METHOD.read(written, base.base.architecture).config == config


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("task_type", None, "task_type = None"),
        ("task_type", "CAUSAL_LM", "task_type = 'CAUSAL_LM'"),
        ("num_transformer_submodules", 1, "num_transformer_submodules = 1"),
        ("num_layers", 1, "num_layers = 1 is not supported here: the decoder has 2 blocks"),
        ("token_dim", 16, "token_dim = 16"),
        ("token_dim", None, "peft itself cannot compute it"),
        ("num_attention_heads", 4, "num_attention_heads = 4"),
        ("num_virtual_tokens", "many", "num_virtual_tokens"),
        ("num_virtual_tokens", 5000, "num_virtual_tokens"),
        ("modules_to_save", ["lm_head"], "modules_to_save"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(backbone, tmp_path, setting, value, sentence):
    saved_by_peft(backbone, of_peft(**SHAPES), tmp_path)
    with pytest.raises(PeftClassroomError, match=sentence):
        METHOD.read(described(tmp_path) | {setting: value}, backbone.base.architecture)
