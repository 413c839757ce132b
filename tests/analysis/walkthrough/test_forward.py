"""A walk is one real forward pass: every step follows from the steps before it, and the last one is the verdict."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from peft_core.analysis.walkthrough.forward import untrained_model, walk
from peft_core.analysis.walkthrough.tokens import MAX_TOKENS, read_words
from peft_core.checkpoints.asking.predictor import Predictor
from peft_core.checkpoints.files import load_checkpoint, save_checkpoint
from peft_core.errors import PeftClassroomError
from peft_core.methods import apply_method, trainable_tensors
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.common import InFront, WithAdapter, WrappedLinear
from peft_core.methods.full.method import FullConfig
from peft_core.methods.layer_norm.layer import TunedNorm
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.places import find_place, places
from peft_core.methods.prefix.layer import PrefixAttention
from peft_core.methods.registry import method_of
from peft_core.paths import ROOT
from peft_core.t5.backbone import build_on_meta, load_backbone
from peft_core.t5.identity import fingerprint
from tests.cases import CASES, GATED, TINY, every_config
from tests.trained import make_record, trained

TEXT = "the film was not good , i never laughed"
ACT = {
    "relu": lambda z: np.maximum(z, 0),
    "gelu": lambda z: torch.nn.functional.gelu(torch.from_numpy(z)).numpy(),
    "gelu_new": lambda z: z / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))),
    "leakyrelu": lambda z: np.where(z < 0, z / 100, z),
}


def close(a, b):
    return np.allclose(a, b, rtol=1e-4, atol=1e-5)


def walks(backbone, model, config, every=1):
    """A walk at every place (or at some of them), at the last token there."""
    for place in places(backbone.base.architecture, config)[::every]:
        yield walk(backbone, model, config, TEXT, place, len(read_words(backbone, TEXT).at(place)) - 1)


def by_key(one):
    return {step.key: step for step in one.steps}


def recorders(model):
    """Our hooks; Transformers has some of its own, which stay."""
    hooks = [hook for module in model.modules() for hook in module._forward_hooks.values()]
    return [hook for hook in hooks if "Recorder" in getattr(hook, "__qualname__", "")]


def weight(model, name):
    return model.get_submodule(name).weight.detach().numpy()


# ---------------------------------------------------------------------------------------------------------------------
# Places


@pytest.mark.parametrize("architecture", [TINY, GATED], ids=["plain", "gated"])
@every_config
def test_places_are_the_modules_that_the_method_touches(architecture, config):
    model = apply_method(build_on_meta(architecture), config, [0])
    if method_of(config).owns_weights:
        touched = {n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and n != "lm_head"}
    elif isinstance(model, InFront):  # the layers that mix what is in front with the words
        inner = model.model.named_modules()
        touched = {n for n, _ in inner if n.startswith("encoder.") and n.endswith(".SelfAttention")}
    else:
        wrapped = {n for n, m in model.named_modules() if isinstance(m, WrappedLinear | PrefixAttention | TunedNorm)}
        wrapped -= {f"{stack}.final_layer_norm" for stack in ("encoder", "decoder")}  # which are in no block
        touched = wrapped | {f"{n}.adapter" for n, m in model.named_modules() if isinstance(m, WithAdapter)}
    found = places(architecture, config)
    assert {p.name for p in found} == touched
    assert len(found) == len(touched)
    assert all(find_place(architecture, config, p.name) == p for p in found)
    with pytest.raises(PeftClassroomError, match="Choose one of the places"):
        find_place(architecture, config, "encoder.block.99")


# ---------------------------------------------------------------------------------------------------------------------
# Reading


def test_the_tokens_are_prefix_words_and_end(backbone):
    reading = read_words(backbone, TEXT)
    assert [t.part for t in reading.tokens] == ["prefix"] * 2 + ["words"] * 9 + ["end"]
    assert reading.tokens[2].piece == "the"
    assert reading.tokens[-1].id == backbone.tokenizer.eos_token_id
    assert reading.left_out == 0


@pytest.mark.parametrize("max_length", [16, 192])
def test_a_long_text_is_cut_in_the_middle_and_says_by_how_much(backbone, max_length):
    reading = read_words(backbone, "good " * 30 + "bad " * 70, max_length)
    longest = min(max_length, MAX_TOKENS)
    assert len(reading.tokens) == longest
    assert reading.left_out == 100 + 3 - longest
    pieces = [t.piece for t in reading.tokens if t.part == "words"]
    assert pieces[0] == "good" and pieces[-1] == "bad"


def test_what_cannot_be_walked_is_a_sentence(backbone):
    config = LoraConfig()
    model, (place, *_) = untrained_model(backbone, config), places(TINY, config)
    with pytest.raises(PeftClassroomError, match="empty"):
        walk(backbone, model, config, " \n", place, 0)
    for token in (-1, 5):
        with pytest.raises(PeftClassroomError, match="choose 1 to 5"):
            walk(backbone, model, config, "good film", place, token)


@given(text=st.text(max_size=200))
@settings(max_examples=20)
def test_any_text_can_be_walked_or_is_a_sentence(backbone, text):
    config = LoraConfig(r=2)
    try:
        one = walk(backbone, untrained_model(backbone, config), config, text, places(TINY, config)[0], 0)
    except PeftClassroomError:
        return
    assert 0 <= one.probability <= 1
    assert 3 <= len(one.reading.tokens) <= MAX_TOKENS


# ---------------------------------------------------------------------------------------------------------------------
# Laws of every method


@every_config
def test_the_last_step_is_the_predictors_own_verdict(backbone, batch, config, tmp_path):
    save_checkpoint(trained(backbone, config, batch), make_record(backbone, config), backbone, tmp_path / "c")
    (verdict,) = Predictor(backbone).classify([TEXT], tmp_path / "c")
    model, _ = load_checkpoint(tmp_path / "c", backbone)
    for one in walks(backbone, model, config, every=5):
        assert one.probability == pytest.approx(verdict.probability_positive, abs=1e-6)
        answer = one.steps[-1]
        difference = answer.result.values[1] - answer.result.values[0]
        assert one.probability == pytest.approx(1 / (1 + np.exp(-difference)), abs=1e-6)
        assert one.base_probability != one.probability


@every_config
def test_untrained_the_method_adds_exactly_nothing_unless_it_says_otherwise(backbone, config):
    model = untrained_model(backbone, config)
    for one in walks(backbone, model, config, every=3):
        nothing = [step.key for step in one.steps if step.adds_nothing]
        if not method_of(config).starts_as_base(config):
            assert not nothing
            assert one.probability != one.base_probability
        else:
            assert one.probability == one.base_probability
            assert any("off" in step.values for step in one.steps if step.adds_nothing)  # the sum, checked
            assert "answer" in nothing


@every_config
def test_trained_it_adds_something(backbone, batch, config):
    for one in walks(backbone, trained(backbone, config, batch), config, every=3):
        if one.place.reads_review:  # the decoder's one token leaves q and k without a say
            assert not any(step.adds_nothing for step in one.steps)


@every_config
def test_the_beginning_is_the_table_of_the_model_that_ran(backbone, batch, config):
    model = trained(backbone, config, batch)
    one = next(walks(backbone, model, config))
    tokens, embeddings = one.steps[:2]
    assert tokens.result.values.tolist() == one.reading.ids
    assert np.array_equal(embeddings.result.values, model.shared.weight.detach()[one.reading.ids].numpy())


@every_config
def test_every_norm_and_shape_is_that_of_its_numbers(backbone, batch, config):
    for one in walks(backbone, trained(backbone, config, batch), config, every=5):
        for step in one.steps:
            for tensor in (t for panel in step.panels for t in panel):
                assert tensor.values.ndim == len(tensor.shape) == len(tensor.axes)
                if tensor.shape == tensor.values.shape and tensor.norm is not None:
                    assert tensor.norm == pytest.approx(np.linalg.norm(tensor.values), rel=1e-5)
            assert len({t.values.shape for t in step.panels[-1]}) == 1


@every_config
def test_a_walk_leaves_nothing_behind(backbone, config):
    before, state = fingerprint(backbone.model), torch.get_rng_state()
    model = untrained_model(backbone, config)
    next(walks(backbone, model, config))
    assert fingerprint(backbone.model) == before
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(p.requires_grad for p in backbone.model.parameters())
    assert not recorders(model) and not recorders(backbone.model)


def test_hooks_go_when_the_pass_fails(backbone, monkeypatch):
    config = LoraConfig()
    model = untrained_model(backbone, config)

    def fails(*_):
        assert recorders(model)
        raise ZeroDivisionError

    monkeypatch.setattr("peft_core.analysis.walkthrough.forward.label_logits", fails)
    with pytest.raises(ZeroDivisionError):
        next(walks(backbone, model, config))
    assert not recorders(model)


@every_config
def test_the_same_seed_draws_the_same_model_and_another_seed_another(backbone, config):
    models = [untrained_model(backbone, config, seed) for seed in (3, 3, 4)]
    first, again, other = ({n: p for n, p in trainable_tensors(m).items()} for m in models)
    assert all(torch.equal(first[n], again[n]) for n in first)
    constant = all(len(tensor.unique()) == 1 for tensor in first.values())
    if not (method_of(config).owns_weights or config.start_text or constant):  # there nothing is drawn
        assert not all(torch.equal(first[n], other[n]) for n in first)


def test_a_walk_is_plain_numbers(backbone):
    """Read in a process that has no torch, one after another: none brings it in."""
    every = {
        name: pickle.dumps(next(walks(backbone, untrained_model(backbone, config), config)))
        for name, config in CASES.items()
    }
    code = """
import pickle, sys
for name, one in pickle.load(sys.stdin.buffer).items():
    pickle.loads(one)
    print(name, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(every), capture_output=True, cwd=ROOT)
    assert done.stdout.decode().split("\n") == [*(f"{name} False" for name in CASES), ""], done.stderr


# ---------------------------------------------------------------------------------------------------------------------
# The steps of each method


@pytest.mark.parametrize("name", ["lora", "lora-all"])
def test_lora_step_by_step(backbone, batch, name):
    config = CASES[name]
    model = trained(backbone, config, batch)
    for one in walks(backbone, model, config):
        layer, steps = model.get_submodule(one.place.name), by_key(one)
        a, b = layer.lora_A.detach().numpy(), layer.lora_B.detach().numpy()
        x, w0x = steps["lora_input"].result.values, steps["lora_frozen"].result.values
        low, up = steps["lora_down"].result.values, steps["lora_up"].result.values
        scaled, h = steps["lora_scaled"].result.values, steps["lora_sum"].result.values
        assert close(w0x, weight(model, f"{one.place.name}.base_layer") @ x)
        assert close(low, a @ x) and low.shape == (config.r,)
        assert close(up, b @ low)
        assert close(scaled, config.alpha / config.r * up)
        assert np.array_equal(h, w0x + scaled)
        assert steps["lora_sum"].values["off"] == 0  # the tensor that the model itself used, bit for bit


@pytest.mark.parametrize(
    "name", ["adapter-pfeiffer", "adapter-houlsby", "adapter-parallel", "adapter-everywhere", "adapter-cross"]
)
def test_adapter_step_by_step(backbone, batch, name):
    config = CASES[name]
    model = trained(backbone, config, batch)
    for one in walks(backbone, model, config):
        layer, steps = model.get_submodule(one.place.name), by_key(one)
        h, low = steps["adapter_input"].result.values, steps["adapter_down"].result.values
        a, up = steps[f"adapter_{config.non_linearity}"].result.values, steps["adapter_up"].result.values
        bias = {n: getattr(layer, n).bias.detach().numpy() for n in ("adapter_down", "adapter_up")}
        assert close(low, weight(layer, "adapter_down") @ h + bias["adapter_down"])
        assert close(a, ACT[config.non_linearity](low))
        assert close(up, weight(layer, "adapter_up") @ a + bias["adapter_up"])
        assert steps[f"adapter_{config.non_linearity}"].values["zeros"] == int((a == 0).sum())
        assert ("adapter_scaled" in steps) == (config.adapter_scaling != 1)
        if config.adapter_scaling != 1:
            assert close(steps["adapter_scaled"].result.values, config.adapter_scaling * up)
            up = steps["adapter_scaled"].result.values
        assert ("adapter_beside" in steps) == ("adapter_sum" not in steps) == (config.placement == "parallel")
        assert ("adapter_around" in steps) == (config.placement == "houlsby")
        last = steps["adapter_beside" if config.placement == "parallel" else "adapter_sum"]
        own, detour, out = (t.values for t in last.panels[0])
        assert np.array_equal(detour, up) and np.array_equal(out, own + up)
        assert config.placement == "parallel" or np.array_equal(own, h)
        assert last.values["off"] == 0
        if config.placement == "houlsby":
            x, adapted, whole = (t.values for t in steps["adapter_around"].panels[0])
            assert np.array_equal(adapted, out) and np.array_equal(whole, x + adapted)
            assert steps["adapter_around"].values["off"] == 0


def test_full_fine_tuning_step_by_step(backbone, batch):
    config = CASES["full"]
    model = trained(backbone, config, batch)
    for one in walks(backbone, model, config):
        steps, name = by_key(one), one.place.name
        delta = weight(model, name) - weight(backbone.model, name)
        x, w0x = steps["full_input"].result.values, steps["full_before"].result.values
        assert close(w0x, weight(backbone.model, name) @ x)
        assert np.array_equal(steps["full_matrix"].result.values, delta[:32, :32])
        assert steps["full_matrix"].result.shape == delta.shape
        share = np.linalg.norm(delta) / np.linalg.norm(weight(backbone.model, name))
        assert steps["full_matrix"].values["share"] == pytest.approx(share, rel=1e-5)
        before, change, after = (t.values for t in steps["full_sum"].panels[0])
        assert close(change, delta @ x) and close(after, before + change)
        assert close(after, weight(model, name) @ x)
        assert steps["full_sum"].values["off"] < 1e-5


@pytest.mark.parametrize("name", ["soft_prompt-vocab", "soft_prompt-random", "soft_prompt-text"])
def test_soft_prompt_step_by_step(backbone, batch, name):
    config = CASES[name]
    n, model = config.num_virtual_tokens, trained(backbone, config, batch)
    untrained = next(walks(backbone, untrained_model(backbone, config), config))
    assert by_key(untrained)["prompt_change"].result.norm > 0
    for one in walks(backbone, model, config):
        steps, size = by_key(one), len(one.reading.tokens)
        rows, entered = steps["prompt_rows"].result.values, steps["prompt_concat"].result.values
        assert np.array_equal(rows, model.prompt_embeddings.detach().numpy())
        assert np.array_equal(entered[:n], rows)
        assert np.array_equal(entered[n:], steps["embeddings"].result.values)
        share = steps["prompt_attention"].result.values
        assert share.shape == (TINY.num_heads, size)
        assert (share > 0).all() and (share < 1).all()
        values = steps["prompt_attention"].values
        assert values["share"] == pytest.approx(share[:, one.token].mean(), rel=1e-5)
        assert values["even"] == pytest.approx(n / (n + size))
        change = steps["prompt_change"].result.values
        assert change.shape == (size, TINY.d_model)
        assert steps["prompt_change"].values["share"] > 0


def test_attention_is_told_by_a_backbone_with_fused_attention_too(backbone):
    fused = load_backbone(backbone.base.name)
    fused.model.set_attn_implementation("sdpa")
    config = CASES["soft_prompt-vocab"]
    plain, told = (
        walk(b, untrained_model(b, config), config, TEXT, places(TINY, config)[0], 0) for b in (backbone, fused)
    )
    assert fused.model.config._attn_implementation == "sdpa"
    assert close(by_key(plain)["prompt_attention"].result.values, by_key(told)["prompt_attention"].result.values)


@pytest.mark.parametrize("config", [LoraConfig(target_modules=("wi", "wo")), AdapterConfig(), FullConfig()])
def test_a_gated_t5_can_be_walked(config, gated):
    for one in walks(gated, untrained_model(gated, config), config):
        assert one.probability == one.base_probability
        assert one.reading.at(one.place)
        words = one.steps[-1].operands[0]  # not rows of the embedding: its output layer is its own
        rows = gated.model.lm_head.weight[list(gated.label_ids)]
        assert (words.name, words.norm) == ("O±", pytest.approx(rows.norm().item()))
