"""Folders that AdapterHub's library has saved: read with the same answers, or refused by the setting's name."""

import json

import pytest
import torch
from safetensors.torch import load_file

from peft_core.counting.by_hand import count
from peft_core.errors import PeftClassroomError
from peft_core.methods import apply_method, trainable_tensors
from peft_core.methods.adapter.layer import BottleneckAdapter
from peft_core.methods.adapter.method import METHOD, AdapterConfig
from peft_core.paths import ROOT
from peft_core.t5.backbone import load_backbone
from tests.cases import GATED, TINY

GOLDEN = ROOT / "tests" / "golden"
INDEX = json.loads((GOLDEN / "adapterhub" / "index.json").read_text())
LOGITS = load_file(GOLDEN / "adapterhub" / "logits.safetensors")
TOLERANCE = 1e-5
REFUSED = {  # what the sentence names
    "rf_map": "reduction_factor",
    "seq_gating": "use_gating",
    "seq_ln_before": "ln_before",
    "seq_ln_after": "ln_after",
    "seq_original_ln_after_false": "original_ln_after = False",
    "seq_residual_before_ln_false": "residual_before_ln = False",
    "seq_inv": "inv_adapter",
    "compacter": "phm_layer",
}
OTHERS = {  # not bottleneck adapters: other methods' folders, or several methods at once
    "lora", "lora_all", "lora_self_only", "lora_gating", "dora", "vera", "ia3", "prefix", "prefix_flat", "mam",
    "unipelt",
}  # fmt: skip
LEARNED = {"seq_scaling_learned", "seq_scaling_channel", "adapter_plus", "par_scaling_learned"}  # scaling is folded in


def description(name: str) -> dict:
    return json.loads((GOLDEN / "adapterhub" / "saved" / name / "adapter_config.json").read_text())


def tensors(name: str) -> dict[str, torch.Tensor]:
    folder = GOLDEN / "adapterhub" / "saved" / name
    if (folder / "adapter.safetensors").is_file():
        return load_file(folder / "adapter.safetensors")
    return torch.load(folder / "pytorch_adapter.bin", weights_only=True)


@pytest.fixture(scope="module")
def golden_base():
    return load_backbone(str(GOLDEN / "adapterhub" / "base"))


def answers(backbone, name: str) -> tuple[AdapterConfig, torch.Tensor]:
    """The configuration that was read, and the logits of our model with the folder's tensors."""
    config = METHOD.read(description(name), backbone.base.architecture).config
    model = apply_method(backbone.replica(), config).eval()
    adopted, _ = METHOD.adopt(tensors(name), config)
    ours = trainable_tensors(model)
    assert {METHOD.stored_name(own) for own in ours} == adopted.keys()
    with torch.inference_mode():
        for own, tensor in ours.items():
            tensor.copy_(adopted[METHOD.stored_name(own)])
        inputs = json.loads((GOLDEN / INDEX["inputs"]).read_text()) | {"decoder_input_ids": INDEX["decoder_input_ids"]}
        return config, model(**{key: torch.tensor(value) for key, value in inputs.items()}, use_cache=False).logits


@pytest.mark.parametrize("name", sorted(INDEX["folders"].keys() - REFUSED.keys() - OTHERS))
def test_a_folder_of_the_library_answers_as_the_library_does(golden_base, name):
    config, ours = answers(golden_base, name)
    assert INDEX["folders"][name]["differs_from_base"] > 1  # the adapter matters
    assert (ours - LOGITS[name]).abs().max() < TOLERANCE
    counted = count(golden_base.base.architecture, config).trainable_parameters
    folded = sum(t.numel() for key, t in tensors(name).items() if key.endswith(".scaling"))
    assert counted == INDEX["folders"][name]["trainable"] - folded
    assert bool(folded) is (name in LEARNED)


@pytest.mark.parametrize(("name", "named"), REFUSED.items())
def test_what_would_be_computed_otherwise_is_refused_by_name(golden_base, name, named):
    assert METHOD.recognises(description(name))
    with pytest.raises(PeftClassroomError, match=f"AdapterHub's setting {named}"):
        METHOD.read(description(name), golden_base.base.architecture)


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_other_kinds_are_not_taken_for_bottlenecks(name):
    assert not METHOD.recognises(description(name))


CONFIGS = [
    *METHOD.examples.values(),
    *(AdapterConfig(non_linearity=act) for act in ("relu6", "mish", "sigmoid", "quick_gelu", "linear")),
    AdapterConfig(placement="parallel", adapted=("self-attention",), leave_out=(0, 3)),
]


@pytest.mark.parametrize("architecture", [TINY, GATED], ids=["plain", "gated"])
@pytest.mark.parametrize("config", CONFIGS, ids=repr)
def test_what_we_write_we_read_as_it_was(config, architecture):
    reading = METHOD.read(METHOD.description(config, architecture, "base"), architecture)
    assert reading.config == config and not reading.notes


def test_training_settings_are_notes_and_a_learned_scaling_is_told():
    assert "dropout = 0.1" in METHOD.read(description("seq_dropout"), TINY).notes[0]
    assert "scaling" in METHOD.read(description("seq_scaling_learned"), TINY).notes[0]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"non_linearity": "prelu"}, "non_linearity"),
        ({"non_linearity": None}, "non_linearity"),
        ({"scaling": "other"}, "scaling"),
        ({"scaling": True}, "scaling"),
        ({"reduction_factor": 0}, "reduction_factor"),
        ({"reduction_factor": {"0": 2}}, "reduction_factor"),
        ({"init_weights": "other"}, "init_weights"),
        ({"leave_out": "all"}, "leave_out"),
        ({"residual_before_ln": "post_add"}, "residual_before_ln"),
        ({"is_parallel": True, "original_ln_after": False}, "original_ln_after"),
        ({"some_new_setting": 3}, "some_new_setting"),
        ({"output_adapter": False}, "output_adapter"),
    ],
    ids=str,
)
def test_a_setting_that_is_not_known_is_a_sentence(changes, named):
    said = description("seq_rf2")
    with pytest.raises(PeftClassroomError, match=named):
        METHOD.read(said | {"config": said["config"] | changes}, TINY)


def test_a_folder_from_before_versions_names_its_gelu_in_another_way():
    said = description("seq_gelu")
    assert METHOD.read(said, TINY).config.non_linearity == "gelu"
    said.pop("version")
    assert METHOD.read(said, TINY).config.non_linearity == "gelu_new"


def test_a_second_adapter_in_one_file_is_not_placed():
    two = tensors("seq_rf2") | tensors("seq_name")
    adopted, _ = METHOD.adopt(two, AdapterConfig())
    assert len(adopted) == len(two)
    assert any(".adapters.sentiment." in name for name in adopted)


def test_one_model_is_said_in_one_way():
    assert AdapterConfig(adapted=("feed-forward",)) == AdapterConfig()
    assert AdapterConfig(adapted=("feed-forward", "self-attention"), placement="houlsby").adapted == ()
    assert AdapterConfig(leave_out=(3, 0, 3)).leave_out == (0, 3)
    with pytest.raises(PeftClassroomError, match="from 0"):
        AdapterConfig(leave_out=(-1,))


def test_nothing_left_to_train_is_a_sentence(golden_base):
    with pytest.raises(PeftClassroomError, match="no adapter to train"):
        apply_method(golden_base.replica(), AdapterConfig(leave_out=(0, 1, 2, 3)))


def test_the_starts_are_the_librarys_but_for_one_bias():
    """`starts.json` was measured in the library; ours are drawn here, as often. Its "mam_adapter" sets b_down to 0."""
    theirs = json.loads((GOLDEN / "adapterhub" / "starts.json").read_text())
    torch.manual_seed(1)
    for init, of_library in (("bert", "bert"), ("houlsby", "houlsby"), ("zero", "mam_adapter")):
        config = AdapterConfig(bottleneck_dim=8, adapter_init=init)
        drawn = [BottleneckAdapter(16, config, torch.device("cpu")).state_dict() for _ in range(256)]
        for part, wanted in theirs[of_library].items():
            ours = torch.cat([one[part].flatten() for one in drawn])
            if (init, part) == ("zero", "adapter_down.bias"):
                assert wanted["std"] == 0 and 0.2 < ours.abs().max() <= 0.25  # nn.Linear's, up to 1/√16
            else:
                assert ours.std().item() == pytest.approx(wanted["std"], rel=0.05), (init, part)
