"""A checkpoint comes back bit for bit, is read by other libraries, and is refused when anything is wrong with it."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from peft_core.checkpoints.files import copy_tensors, load_checkpoint, read_tensors, save_checkpoint
from peft_core.checkpoints.listing import find_checkpoint, list_checkpoints
from peft_core.checkpoints.run_json import read_record
from peft_core.errors import PeftClassroomError
from peft_core.methods import trainable_tensors
from peft_core.methods.adapter.folder import reduction_factor
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.ia3.method import Ia3Config
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import method_of
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.paths import ROOT
from peft_core.t5.backbone import load_backbone
from tests.cases import CASES, TINY, make_base
from tests.trained import apply, logits, make_record, trained


@pytest.fixture
def saved(backbone, batch, tmp_path):
    """A saved LoRA checkpoint, to be damaged."""
    config = LoraConfig(r=4, alpha=6)
    folder = tmp_path / "lora"
    save_checkpoint(trained(backbone, config, batch), make_record(backbone, config), backbone, folder)
    return folder


def test_weights_that_fit_bf16_are_stored_in_half_the_bytes_and_come_back_exactly(backbone, batch, tmp_path):
    model = trained(backbone, FullConfig(), batch)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.to(torch.bfloat16))
    save_checkpoint(model, make_record(backbone, FullConfig()), backbone, tmp_path / "c")
    assert {t.dtype for t in load_file(tmp_path / "c" / "model.safetensors").values()} == {torch.bfloat16}
    loaded, _ = load_checkpoint(tmp_path / "c", backbone)
    assert torch.equal(logits(model, batch, backbone), logits(loaded, batch, backbone))


def peft_type(config) -> str | None:
    """What Hugging Face peft calls the method; None if it has no such method."""
    return (method_of(config).description(config, TINY, "base") or {}).get("peft_type")


every_config_in_peft = pytest.mark.parametrize(
    "config", [c for c in CASES.values() if peft_type(c)], ids=[name for name, c in CASES.items() if peft_type(c)]
)


def all_logits(model, batch):
    ids, mask = batch
    with torch.inference_mode():
        start = ids.new_zeros(len(ids), 1)
        return model(input_ids=ids, attention_mask=mask, decoder_input_ids=start, use_cache=False).logits


@every_config_in_peft
def test_hugging_face_peft_reads_it_and_computes_the_same(backbone, batch, config, tmp_path):
    from peft import PeftModel, get_peft_model_state_dict

    model = trained(backbone, config, batch)
    save_checkpoint(model, make_record(backbone, config), backbone, tmp_path / "c")
    theirs = PeftModel.from_pretrained(backbone.own_copy(), tmp_path / "c").eval()
    assert torch.allclose(all_logits(model, batch), all_logits(theirs, batch), atol=1e-5)
    count = sum(tensor.numel() for tensor in get_peft_model_state_dict(theirs, save_embedding_layers=False).values())
    assert count == sum(p.numel() for p in trainable_tensors(model).values())


@every_config_in_peft
def test_what_peft_makes_of_our_settings_and_saves_loads_here_and_computes_the_same(backbone, batch, config, tmp_path):
    """The other direction: peft builds the method from our description, other numbers are put in, peft saves."""
    from peft import PeftConfig, get_peft_model

    method = method_of(config)
    (tmp_path / "ours").mkdir()
    description = method.description(config, backbone.base.architecture, backbone.base.source)
    (tmp_path / "ours" / "adapter_config.json").write_text(json.dumps(description | {"inference_mode": False}))
    theirs = get_peft_model(backbone.own_copy(), PeftConfig.from_pretrained(tmp_path / "ours"))
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in theirs.parameters():
            if parameter.requires_grad:
                parameter.normal_(1.0, 0.3)
    theirs.eval().save_pretrained(tmp_path / "theirs")
    ours = apply(backbone, config).eval()
    copy_tensors(read_tensors(tmp_path / "theirs" / method.weights_file), method, ours, "theirs")
    assert torch.allclose(all_logits(ours, batch), all_logits(theirs, batch), atol=1e-4)
    assert not torch.allclose(all_logits(ours, batch), all_logits(backbone.model, batch), atol=1e-2)


def test_transformers_reads_full_fine_tuning(backbone, batch, tmp_path):
    from transformers import AutoTokenizer, T5ForConditionalGeneration

    model = trained(backbone, FullConfig(), batch)
    save_checkpoint(model, make_record(backbone, FullConfig()), backbone, tmp_path / "c")
    theirs = T5ForConditionalGeneration.from_pretrained(tmp_path / "c", attn_implementation="eager").eval()
    assert torch.equal(logits(model, batch, backbone), logits(theirs, batch, backbone))
    assert AutoTokenizer.from_pretrained(tmp_path / "c")("good film")["input_ids"][-1] == 1


@pytest.mark.parametrize("placement", ["pfeiffer", "houlsby"])
def test_adapters_are_stored_as_adapterhub_names_them(backbone, batch, placement, tmp_path):
    config = AdapterConfig(bottleneck_dim=3, placement=placement)
    save_checkpoint(trained(backbone, config, batch), make_record(backbone, config), backbone, tmp_path / "c")
    places = ["encoder.block.{}.layer.1", "decoder.block.{}.layer.2"]
    if placement == "houlsby":
        places += ["encoder.block.{}.layer.0", "decoder.block.{}.layer.0"]
    parts = ("adapter_down.0.weight", "adapter_down.0.bias", "adapter_up.weight", "adapter_up.bias")
    expected = {f"{p.format(i)}.adapters.classroom.{part}" for p in places for i in range(2) for part in parts}
    assert set(load_file(tmp_path / "c" / "adapter.safetensors")) == expected


def description(backbone, config, batch, folder) -> dict:
    save_checkpoint(trained(backbone, config, batch), make_record(backbone, config), backbone, folder)
    return json.loads((folder / "adapter_config.json").read_text())


@pytest.mark.parametrize(("placement", "before", "both"), [("pfeiffer", True, False), ("houlsby", False, True)])
def test_every_field_for_adapterhub_is_that_of_its_two_presets(backbone, batch, placement, before, both, tmp_path):
    """SeqBnConfig and DoubleSeqBnConfig of `adapters` 1.3.0, with this width, this non-linearity and this start."""
    config = AdapterConfig(bottleneck_dim=4, placement=placement, non_linearity="tanh")
    assert description(backbone, config, batch, tmp_path / "c") == {
        "config": {
            "adapter_residual_before_ln": False, "cross_adapter": False, "dropout": 0.0,
            "init_weights": "mam_adapter",
            "inv_adapter": None, "inv_adapter_reduction_factor": None, "is_parallel": False, "leave_out": [],
            "ln_after": False, "ln_before": False, "mh_adapter": both, "non_linearity": "tanh",
            "original_ln_after": True, "original_ln_before": before, "output_adapter": True, "phm_layer": False,
            "reduction_factor": 4.0, "residual_before_ln": True, "scaling": 1.0, "use_gating": False,
        },
        "hidden_size": 16, "model_class": "T5ForConditionalGeneration", "model_name": "tiny", "model_type": "t5",
        "name": "classroom", "version": "adapters.1.3.0",
    }  # fmt: skip


def test_every_field_for_peft(backbone, gated, batch, tmp_path):
    both = {"task_type": "SEQ_2_SEQ_LM", "inference_mode": True}
    lora = {
        "peft_type": "LORA", "revision": None, "r": 2, "lora_alpha": 6.0, "lora_dropout": 0.25, "bias": "none",
        "fan_in_fan_out": False, "init_lora_weights": True, "modules_to_save": None, "rank_pattern": {},
        "alpha_pattern": {}, "use_rslora": False, "use_dora": False,
    }  # fmt: skip
    config = LoraConfig(r=2, alpha=6, dropout=0.25, target_modules=("q", "wi"))
    for base, name, targets in ((backbone, "tiny", ["q", "wi"]), (gated, "gated", ["q", "wi_0", "wi_1"])):
        wanted = both | lora | {"base_model_name_or_path": name, "target_modules": targets}
        assert description(base, config, batch, tmp_path / name) == wanted
    assert description(backbone, SoftPromptConfig(num_virtual_tokens=5), batch, tmp_path / "prompt") == both | {
        "peft_type": "PROMPT_TUNING", "base_model_name_or_path": "tiny", "num_virtual_tokens": 5,
        "num_transformer_submodules": 1, "token_dim": 16, "num_attention_heads": 3, "num_layers": 2,
        "prompt_tuning_init": "RANDOM",
    }  # fmt: skip
    assert description(backbone, Ia3Config(), batch, tmp_path / "ia3") == both | {
        "peft_type": "IA3", "base_model_name_or_path": "tiny", "revision": None, "target_modules": ["k", "v", "wo"],
        "feedforward_modules": ["wo"], "fan_in_fan_out": False, "init_ia3_weights": True, "modules_to_save": None,
    }  # fmt: skip


def test_whoever_may_read_the_folder_may_read_its_files(saved):
    assert saved.stat().st_mode & 0o777 == 0o755
    assert {path.stat().st_mode & 0o777 for path in saved.iterdir()} == {0o644}


def test_what_fails_while_it_is_written_leaves_nothing(backbone, tmp_path, monkeypatch):
    from peft_core.checkpoints import files

    def broken(record, folder):
        raise OSError("disk full")

    monkeypatch.setattr(files, "write_record", broken)
    with pytest.raises(PeftClassroomError, match=r"cannot be written \(disk full\); free some space"):
        save_checkpoint(
            apply(backbone, LoraConfig()), make_record(backbone, LoraConfig()), backbone, tmp_path / "a" / "b"
        )
    assert list((tmp_path / "a").iterdir()) == []


@pytest.mark.parametrize("d_model", [16, 256, 512, 768, 1024])
def test_a_reduction_factor_gives_back_its_bottleneck(d_model):
    for bottleneck_dim in range(1, d_model + 1):
        assert int(d_model // reduction_factor(d_model, bottleneck_dim)) == bottleneck_dim


def _rewrite(folder, change):
    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


def _poison(tensors):
    tensors[sorted(tensors)[0]].view(-1)[0] = float("nan")


DAMAGES = {
    "missing": (lambda t: t.pop(sorted(t)[0]), "1 missing"),
    "extra": (lambda t: t.update(extra=torch.zeros(1)), "1 extra"),
    "misshapen": (lambda t: t.update({sorted(t)[0]: torch.zeros(2, 2)}), "has shape"),
    "not finite": (_poison, "not finite"),
}


@pytest.mark.parametrize(("change", "sentence"), DAMAGES.values(), ids=DAMAGES.keys())
def test_tensors_that_do_not_fit_are_refused(saved, backbone, change, sentence):
    _rewrite(saved, change)
    with pytest.raises(PeftClassroomError, match=sentence):
        load_checkpoint(saved, backbone)


def test_another_base_of_the_same_shape_is_refused(saved, tmp_path):
    other = load_backbone(str(make_base(tmp_path / "other", seed=1)))
    with pytest.raises(PeftClassroomError, match="trained on another base model"):
        load_checkpoint(saved, other)


def test_damaged_files_are_refused(saved, backbone, tmp_path):
    weights = saved / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:200])
    with pytest.raises(PeftClassroomError, match="is damaged"):
        load_checkpoint(saved, backbone)
    weights.unlink()
    with pytest.raises(PeftClassroomError, match=r"has no adapter_model\.safetensors"):
        load_checkpoint(saved, backbone)
    (saved / "run.json").write_text("{")
    with pytest.raises(PeftClassroomError, match="is damaged"):
        load_checkpoint(saved, backbone)
    with pytest.raises(PeftClassroomError, match="is not a checkpoint"):
        load_checkpoint(tmp_path, backbone)


def test_a_pickle_in_place_of_the_weights_is_not_opened(saved, backbone):
    import pickle

    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    (saved / "adapter_model.safetensors").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(PeftClassroomError, match="is damaged"):
        load_checkpoint(saved, backbone)


def test_an_existing_folder_is_never_overwritten(saved, backbone, batch):
    before = (saved / "adapter_model.safetensors").read_bytes()
    with pytest.raises(PeftClassroomError, match="exists already"):
        save_checkpoint(apply(backbone, LoraConfig()), make_record(backbone, LoraConfig()), backbone, saved)
    assert (saved / "adapter_model.safetensors").read_bytes() == before


def test_the_description_for_other_libraries_names_no_folder_of_this_machine(saved, backbone):
    description = json.loads((saved / "adapter_config.json").read_text())
    assert description["base_model_name_or_path"] == "tiny"
    assert backbone.base.source not in (saved / "adapter_config.json").read_text()


def test_finished_runs_are_listed_and_found_by_name_or_path(saved, tmp_path, monkeypatch):
    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path / "runs"))
    target = tmp_path / "runs" / "20260101-000000-abcdef"
    target.mkdir(parents=True)
    saved.rename(target / "checkpoint")
    (tmp_path / "runs" / "broken" / "checkpoint").mkdir(parents=True)
    (tmp_path / "runs" / "broken" / "checkpoint" / "run.json").write_text("[]")
    trained_ones = [info for info in list_checkpoints() if not info.shipped]
    assert [info.name for info in trained_ones] == ["20260101-000000-abcdef"]
    by_name, by_path = (find_checkpoint(x) for x in ("20260101-000000-abcdef", str(target / "checkpoint")))
    assert by_name.record == by_path.record == read_record(target / "checkpoint")
    with pytest.raises(PeftClassroomError, match=r"Known: .*20260101-000000-abcdef"):
        find_checkpoint("nothing")


@pytest.mark.parametrize("name", ["pfeiffer", "houlsby"])
def test_adapterhub_computed_the_same_with_our_folders(name):
    """The fixture was computed by the `adapters` library from these very files (tests/golden/adapterhub)."""
    golden = ROOT / "tests" / "golden" / "adapterhub"
    inputs = {k: torch.tensor(v) for k, v in json.loads((golden / "inputs.json").read_text()).items()}
    backbone = load_backbone(str(golden / "base"))
    model, _ = load_checkpoint(golden / name, backbone)
    with torch.inference_mode():
        ours = model(**inputs, decoder_input_ids=torch.zeros(3, 1, dtype=torch.long), use_cache=False).logits[:, 0]
    theirs = torch.tensor(json.loads((golden / "logits.json").read_text())[name])
    assert torch.allclose(ours, theirs, atol=1e-4)
