"""LoRA beside Hugging Face peft itself, option by option and in both directions, over a T5 v1.0 and a T5 v1.1.

    theirs → ours    peft trains and saves a folder; here it is read, adopted, applied and copied
    ours → theirs    trained and saved here with the same configuration; peft loads it

Logits agree to 1e-5, and the counts with peft's own `get_nb_trainable_parameters`. The rest is refused by name.
"""

import json
import warnings
from itertools import cycle

import peft
import pytest
import torch
from safetensors.torch import load_file

from peft_core.checkpoints.files import copy_tensors, save_checkpoint
from peft_core.counting.by_hand import count
from peft_core.errors import PeftClassroomError
from peft_core.methods import apply_method
from peft_core.methods.lora.method import METHOD, LoraConfig
from peft_core.methods.lora.targets import module_names, resolved, targets
from peft_core.t5.architecture import base_model
from tests.trained import logits, make_record, train_a_little, trained

CROSS = r".*EncDecAttention\.(q|v)"
FIRST = "encoder.block.0.layer.0.SelfAttention.q"
PEFT_OPTIONS = {
    "nothing but the rank": {"r": 4},
    "rank 1, alpha no whole number": {"r": 1, "lora_alpha": 7.5},
    "a list of all matrices": {"target_modules": ["q", "k", "v", "o", "wi", "wi_0", "wi_1", "wo"]},
    "all-linear": {"target_modules": "all-linear"},
    "All-Linear, spelt otherwise": {"target_modules": "All-Linear"},
    "a pattern for q and v": {"target_modules": r".*\.(q|v)"},
    "a pattern for the encoder": {"target_modules": r"encoder.*\.(q|v)"},
    "a pattern for cross-attention": {"target_modules": CROSS},
    "self-attention only": {"target_modules": ["SelfAttention.q", "SelfAttention.v"]},
    "one dotted name": {"target_modules": [FIRST]},
    "a short name that means one layer more": {"target_modules": [FIRST, "v"]},
    "half of a gated pair, or wi": {"target_modules": ["wi_1", "wi"]},
    "exclude_modules, a list": {"target_modules": ["q", "v"], "exclude_modules": ["EncDecAttention.q", FIRST]},
    "exclude_modules, a pattern": {"target_modules": ["q", "v"], "exclude_modules": r"decoder\..*"},
    "exclude_modules beside all-linear": {"target_modules": "all-linear", "exclude_modules": r".*\.block\.0\..*"},
    "layers_to_transform, a number": {"target_modules": ["q", "v"], "layers_to_transform": 1},
    "layers_to_transform and layers_pattern": {
        "target_modules": ["q", "wo"], "layers_to_transform": [0], "layers_pattern": "block",
    },
    "layers_pattern that means the sub-layers": {
        "target_modules": ["q", "wo"], "layers_to_transform": [1], "layers_pattern": ["layer"],
    },
    "rank_pattern by suffix": {"target_modules": ["q", "v"], "rank_pattern": {"EncDecAttention.q": 2, "v": 5}},
    "rank_pattern, the first that matches": {"rank_pattern": {r"encoder.*\.q": 2, "q": 3}},
    "rank_pattern with an anchor": {"rank_pattern": {r"^decoder.*\.v": 2}},
    "alpha_pattern": {"alpha_pattern": {r"block\.1\..*\.q": 32, "SelfAttention.v": 2}},
    "both patterns with rsLoRA": {"use_rslora": True, "rank_pattern": {"q": 2}, "alpha_pattern": {"v": 3}},
    "a pattern for layers that are no targets": {"target_modules": ["q"], "rank_pattern": {"v": 2}},
    "rsLoRA": {"use_rslora": True, "lora_alpha": 6},
    "DoRA": {"use_dora": True, "target_modules": ["q", "v", "o", "wo"]},
    "DoRA with rsLoRA and patterns": {"use_dora": True, "use_rslora": True, "rank_pattern": {"q": 2}},
    "DoRA with dropout": {"use_dora": True, "lora_dropout": 0.3},
    "dropout": {"lora_dropout": 0.3},
    "bias all": {"bias": "all"},
    "bias lora_only": {"bias": "lora_only"},
    "fan_in_fan_out": {"fan_in_fan_out": True},
    "started at zero by no one": {"init_lora_weights": False},
    "gaussian": {"init_lora_weights": "gaussian"},
    "orthogonal": {"init_lora_weights": "orthogonal"},
    "eva": {"init_lora_weights": "eva"},
    "mica": {"init_lora_weights": "mica", "r": 4},
    "no task_type": {"task_type": None},
    "task_type FEATURE_EXTRACTION": {"task_type": "FEATURE_EXTRACTION"},
    "task_type CAUSAL_LM": {"task_type": "CAUSAL_LM"},
}  # fmt: skip
every_option = pytest.mark.parametrize("option", PEFT_OPTIONS.values(), ids=PEFT_OPTIONS)


@pytest.fixture(params=["backbone", "gated"])
def base(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(autouse=True)
def _peft_may_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def theirs(base, **option):
    """peft's model with this option, before it is trained."""
    torch.manual_seed(5)
    return peft.get_peft_model(base.own_copy(), peft.LoraConfig(**{"task_type": "SEQ_2_SEQ_LM"} | option))


def saved(model, batch, folder):
    """The folder that peft writes of a model, trained a little in its own modules."""
    train_a_little(model.base_model.model, batch)
    model.eval().save_pretrained(folder)
    return folder


def read(folder, base):
    """(our model of a folder that peft wrote, its configuration, notes): by the method's own hooks."""
    reading = METHOD.read(json.loads((folder / "adapter_config.json").read_text()), base.base.architecture)
    tensors, notes = METHOD.adopt(load_file(folder / METHOD.weights_file), reading.config)
    model = apply_method(base.replica(), reading.config)
    copy_tensors(tensors, METHOD, model, folder.name)
    return model.eval(), reading.config, (*reading.notes, *notes)


def same(one, other, batch, base):
    return torch.allclose(logits(one, batch, base), logits(other, batch, base), rtol=0, atol=1e-5)


@every_option
def test_what_peft_trained_answers_the_same_here(base, batch, option, tmp_path):
    model = theirs(base, **option)
    trainable, total = model.get_nb_trainable_parameters()
    ours, config, _ = read(saved(model, batch, tmp_path / "theirs"), base)
    assert same(ours, model.base_model.model, batch, base)
    assert not same(ours, base.model, batch, base)
    counted = count(base.base.architecture, config)
    if option.get("init_lora_weights") == "mica":  # there B is frozen, though it is stored
        trainable = sum(p.numel() for name, p in model.named_parameters() if "lora_" in name)
    assert (counted.trainable_parameters, counted.total_parameters) == (trainable, total)


@pytest.mark.parametrize(  # that every option means the same over both bases, the test above has shown
    ("option", "base"),
    list(zip(PEFT_OPTIONS.values(), cycle(["backbone", "gated"]), strict=False)),
    ids=PEFT_OPTIONS,
    indirect=["base"],
)
def test_what_was_trained_here_answers_the_same_in_peft(base, batch, option, tmp_path):
    described = json.loads(json.dumps(theirs(base, **option).peft_config["default"].to_dict(), default=list))
    config = METHOD.read(described, base.base.architecture).config
    model = trained(base, config, batch)
    save_checkpoint(model, make_record(base, config), base, tmp_path / "ours")
    again = peft.PeftModel.from_pretrained(base.own_copy(), tmp_path / "ours", is_trainable=True).eval()
    assert same(model, again.base_model.model, batch, base)
    assert again.get_nb_trainable_parameters()[0] == count(base.base.architecture, config).trainable_parameters


@pytest.mark.parametrize("config", METHOD.examples.values(), ids=[name or "usual" for name in METHOD.examples])
def test_what_is_described_is_read_as_the_same_configuration(base, config):
    described = json.loads(json.dumps(METHOD.description(config, base.base.architecture, "tiny-t5")))
    assert METHOD.recognises(described)
    reading = METHOD.read(described, base.base.architecture)
    assert (reading.config, reading.notes) == (config, ())
    assert LoraConfig.model_validate_json(config.model_dump_json()) == config


def test_the_modules_of_a_t5_are_known_without_one(base):
    wanted = {name for name, _ in base.model.named_modules() if name}
    assert set(module_names(base.base.architecture)) == wanted


def test_dora_learns_as_in_peft(base, batch):
    """The same start and the same steps end in the same numbers: so the gradients agree, ‖V‖ a constant in both."""
    config = LoraConfig(r=3, alpha=6, use_dora=True)
    ours = apply_method(base.own_copy(), config)
    model = theirs(base, r=3, lora_alpha=6, use_dora=True, target_modules=["q", "v"])
    mine = dict(ours.named_parameters())
    tensors = {name: p for name, p in model.base_model.model.named_parameters() if p.requires_grad}
    with torch.no_grad():
        for name, p in tensors.items():
            mine[name.replace(".default", "").removesuffix(".weight")].copy_(p)
    for each in (ours, model.base_model.model):
        train_a_little(each.eval(), batch)  # no dropout: the two would draw differently
    for name, p in tensors.items():
        torch.testing.assert_close(mine[name.replace(".default", "").removesuffix(".weight")], p, rtol=1e-3, atol=1e-4)


def test_in_training_dropout_takes_from_doras_base_path_too(base, batch):
    config = LoraConfig(r=3, alpha=6, use_dora=True, dropout=0.4)
    ours = apply_method(base.own_copy(), config)
    model = theirs(base, r=3, lora_alpha=6, use_dora=True, lora_dropout=0.4, target_modules=["q", "v"])
    name = FIRST
    one, other = ours.get_submodule(name), model.base_model.model.get_submodule(name)
    with torch.no_grad():
        one.lora_A.copy_(other.lora_A.default.weight)
        one.lora_B.normal_()
        other.lora_B.default.weight.copy_(one.lora_B)
        one.lora_magnitude_vector.uniform_(0.5, 2)
        other.lora_magnitude_vector.default.weight.copy_(one.lora_magnitude_vector)
    x = torch.randn(2, 5, base.model.config.d_model)
    answers = []
    for layer in (one, other):
        torch.manual_seed(1)
        answers.append(layer.train()(x))
    torch.testing.assert_close(*answers, rtol=0, atol=1e-5)
    assert not torch.allclose(answers[0], one.eval()(x), atol=1e-2)


@pytest.mark.parametrize("start", ["pissa", "olora"])
def test_a_start_that_moves_the_base_is_read_when_saved_as_a_difference(base, batch, start, tmp_path):
    model = theirs(base, r=2, init_lora_weights=start)
    model.save_pretrained(tmp_path / "start")
    with pytest.raises(PeftClassroomError, match=f"{start}.*path_initial_model_for_weight_conversion"):
        read(tmp_path / "start", base)
    train_a_little(model.base_model.model, batch)
    model.eval().save_pretrained(tmp_path / "saved", path_initial_model_for_weight_conversion=str(tmp_path / "start"))
    ours, config, _ = read(tmp_path / "saved", base)
    assert config.r == 4
    assert same(ours, model.base_model.model, batch, base)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_numbers_in_half_precision_are_read_as_they_are(base, batch, kind, tmp_path):
    model = theirs(base, r=4)
    train_a_little(model.base_model.model, batch)
    for name, p in model.named_parameters():
        if "lora_" in name:
            p.data = p.data.to(kind)
    model.save_pretrained(tmp_path / "half")
    again = peft.PeftModel.from_pretrained(base.own_copy(), tmp_path / "half").eval()
    ours, _, _ = read(tmp_path / "half", base)
    assert same(ours, again.base_model.model, batch, base)


def test_doras_lengths_are_found_under_their_older_name(base, batch, tmp_path):
    folder = saved(theirs(base, r=2, use_dora=True), batch, tmp_path / "theirs")
    tensors = load_file(folder / METHOD.weights_file)
    older = {name + ".weight" if name.endswith("magnitude_vector") else name: t for name, t in tensors.items()}
    assert older.keys() != tensors.keys()
    _, config, _ = read(folder, base)
    assert METHOD.adopt(older, config)[0].keys() == METHOD.adopt(tensors, config)[0].keys() == tensors.keys()


@pytest.mark.parametrize(
    ("option", "said"),
    [({"bias": "all"}, "bias"), ({"fan_in_fan_out": True}, "fan_in"), ({"task_type": "CAUSAL_LM"}, "task_type")],
)
def test_what_changes_no_answer_is_left_out_and_said(backbone, option, said):
    described = METHOD.description(LoraConfig(), backbone.base.architecture, "x") | option
    (note,) = METHOD.read(described, backbone.base.architecture).notes
    assert said in note


REFUSED = {
    "lora_bias": True,
    "modules_to_save": ["lm_head"],
    "trainable_token_indices": [3, 4],
    "layer_replication": [[0, 2]],
    "target_parameters": ["q.weight"],
    "use_qalora": True,
    "alora_invocation_tokens": [1],
    "megatron_config": {"a": 1},
    "loftq_config": {"loftq_bits": 4},
    "corda_config": {"corda_method": "kpm"},
    "lora_ga_config": {"direction": "x"},
    "velora_config": {"a": 1},
    "monteclora_config": {"a": 1},
    "use_bdlora": {"a": 1},
    "arrow_config": {"a": 1},
    "kasa_config": {"a": 1},
    "ensure_weight_tying": True,
    "something_of_a_later_version": 1,
    "task_type": "SEQ_CLS",
    "bias": "some",
    "use_dora": 1,
    "init_lora_weights": "loftq",
    "target_modules": 7,
    "exclude_modules": 7,
    "layers_to_transform": "1",
    "layers_pattern": "block",
    "rank_pattern": {"q": 0},
    "alpha_pattern": {"v": -1},
    "r": 0,
    "lora_alpha": "large",
}


@pytest.mark.parametrize(("setting", "value"), REFUSED.items(), ids=REFUSED)
def test_what_is_not_supported_is_refused_by_name(backbone, setting, value):
    described = METHOD.description(LoraConfig(), backbone.base.architecture, "x") | {setting: value}
    with pytest.raises(PeftClassroomError, match=setting.removeprefix("lora_a")):
        METHOD.read(described, backbone.base.architecture)


@pytest.mark.parametrize("start", ["pissa", "pissa_niter_4", "PiSSA", "olora", "corda", "lora_ga", "something new", 3])
def test_a_start_that_moves_the_base_or_is_unknown_is_refused(backbone, start):
    described = METHOD.description(LoraConfig(), backbone.base.architecture, "x") | {"init_lora_weights": start}
    with pytest.raises(PeftClassroomError, match=f"init_lora_weights = '?{start}"):
        METHOD.read(described, backbone.base.architecture)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (["lm_head"], "lm_head"), (["q", "shared"], "shared"), (r".*embed_tokens|.*\.q", "embed_tokens"),
        (["relative_attention_bias"], "relative_attention_bias"), (r".*SelfAttention.*", "SelfAttention"),
        (["nothing"], "no linear layer"), ([], "no linear layer"), ("(", "no pattern"),
        (r"(.*\.)*q", "too involved"), (r".*.*.*.*.*q", "too involved"), ([3], "list of names"),
    ],
)  # fmt: skip
def test_targets_that_are_no_layers_of_a_block_are_refused_by_name(backbone, wanted, said):
    with pytest.raises(PeftClassroomError, match=said):
        targets({"target_modules": wanted}, backbone.base.architecture)


def test_a_pattern_beside_layers_to_transform_is_refused_as_in_peft(backbone):
    option = {"target_modules": "all-linear", "layers_to_transform": [0]}
    with pytest.raises(ValueError, match="layers_to_transform"):
        peft.LoraConfig(**option)
    with pytest.raises(PeftClassroomError, match="layers_to_transform"):
        targets(option, backbone.base.architecture)


def test_a_dotted_name_means_one_layer_of_the_largest_t5_too():
    """Written as a pattern for peft, where a point stands for any character: no name means two."""
    names = [name for name in module_names(base_model("t5-11b").architecture) if name.endswith((".q", ".wo"))]
    for name in names[:: len(names) // 8]:
        assert resolved({name: 3}, names) == {name: 3}
