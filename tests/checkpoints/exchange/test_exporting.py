"""What is exported is what the other library itself would have saved, or it is refused with the reason."""

import json

import pytest
import torch
from safetensors.torch import load_file

from peft_core.checkpoints.exchange.exporting import export_checkpoint
from peft_core.checkpoints.exchange.importing import import_checkpoint
from peft_core.checkpoints.exchange.inspecting import inspect
from peft_core.checkpoints.files import load_checkpoint, save_checkpoint
from peft_core.errors import PeftClassroomError
from peft_core.methods.full.method import FullConfig
from peft_core.methods.ia3.method import Ia3Config
from peft_core.methods.lora.method import LoraConfig
from tests.checkpoints.exchange import golden_kinds
from tests.checkpoints.exchange.peft_kinds import first_logits
from tests.trained import make_record, trained


@pytest.fixture
def saved(backbone, batch, tmp_path):
    """A trained checkpoint of a configuration, saved; (folder, model)."""

    def make(config, base=None):
        base = base or backbone
        model = trained(base, config, batch)
        save_checkpoint(model, make_record(base, config), base, tmp_path / "ours")
        return tmp_path / "ours", model

    return make


@pytest.mark.parametrize("name", ["lora", "lora_all", "lora_self_only", "dora"])
def test_lora_for_adapterhub_is_what_adapterhub_saved_of_the_same(name, tmp_path):
    """Its own folder, read here and exported again: the same tensors under the same names, and the same settings."""
    golden = golden_kinds.GOLDEN / "adapterhub" / "saved" / name
    base = str(golden_kinds.BASE)
    import_checkpoint(golden, tmp_path / "here", base)
    export_checkpoint(tmp_path / "here", "adapterhub", tmp_path / "out", base)
    theirs, ours = (load_file(folder / "adapter.safetensors") for folder in (golden, tmp_path / "out"))
    named = json.loads((golden / "adapter_config.json").read_text())["name"]
    assert {key.replace(f".{named}.", ".classroom.") for key in theirs} == set(ours)
    assert all(torch.equal(value, ours[key.replace(f".{named}.", ".classroom.")]) for key, value in theirs.items())
    said, again = (json.loads((f / "adapter_config.json").read_text())["config"] for f in (golden, tmp_path / "out"))
    for setting, value in again.items():
        assert said[setting] == value or setting in ("attn_matrices", "init_weights"), setting
    if said["selfattn_lora"]:
        assert sorted(said["attn_matrices"]) == sorted(again["attn_matrices"])


def test_rslora_becomes_an_alpha_of_its_own_for_adapterhub(backbone, batch, saved, tmp_path):
    folder, model = saved(LoraConfig(r=4, alpha=6, use_rslora=True))
    export_checkpoint(folder, "adapterhub", tmp_path / "out")
    said, adopted = inspect(tmp_path / "out", base=backbone.base.name, backbone_of=lambda name: backbone)
    assert (said.config["alpha"], said.config["use_rslora"]) == (12.0, False)
    assert torch.allclose(first_logits(adopted.model, batch), first_logits(model, batch), atol=1e-5)


@pytest.mark.parametrize(
    ("config", "format", "sentence"),
    [
        (LoraConfig(target_modules=("q", "o")), "adapterhub", "no LoRA on a T5's o"),
        (
            LoraConfig(target_modules=("decoder.block.0.layer.0.SelfAttention.q",)),
            "adapterhub",
            "in all attentions of a",
        ),
        (LoraConfig(rank_pattern={"encoder.block.0.layer.0.SelfAttention.q": 2}), "adapterhub", "no rank_pattern"),
        (LoraConfig(r=4, alpha=8, use_dora=True), "adapterhub", "leaves alpha / r out of the norm"),
        (Ia3Config(), "adapterhub", "IA3 is not written here"),
        (FullConfig(), "peft", "Choose transformers-merged"),
        (LoraConfig(), "onnx", "Unknown format 'onnx'"),
    ],
)
def test_what_the_other_library_cannot_express_is_refused_with_the_reason(saved, tmp_path, config, format, sentence):
    folder, _ = saved(config)
    with pytest.raises(PeftClassroomError, match=sentence):
        export_checkpoint(folder, format, tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"ours"}


def test_an_untied_t5_is_merged_with_its_output_layer(gated, batch, saved, tmp_path):
    """As T5 v1.1 publishes it, so that version 4 of transformers does not throw a table away."""
    from transformers import AutoTokenizer, T5ForConditionalGeneration

    folder, model = saved(LoraConfig(r=3, target_modules=("q", "wi", "wo"), use_dora=True), gated)
    export_checkpoint(folder, "transformers-merged", tmp_path / "out")
    plain = T5ForConditionalGeneration.from_pretrained(tmp_path / "out", attn_implementation="eager").eval()
    assert torch.allclose(first_logits(plain, batch), first_logits(model, batch), atol=1e-5)
    assert not torch.equal(plain.lm_head.weight, plain.shared.weight)
    assert json.loads((tmp_path / "out" / "config.json").read_text())["tie_word_embeddings"] is False
    assert AutoTokenizer.from_pretrained(tmp_path / "out")("good film")["input_ids"][-1] == 1
    assert not (tmp_path / "out" / "run.json").exists()  # whoever opens it needs no library of ours


def test_merged_and_read_again_it_is_full_fine_tuning_of_its_base(backbone, batch, saved, tmp_path):
    folder, model = saved(LoraConfig(r=2))
    export_checkpoint(folder, "transformers-merged", tmp_path / "out")
    record = import_checkpoint(tmp_path / "out", tmp_path / "again", backbone.base.name)
    assert record.method == FullConfig()
    again, _ = load_checkpoint(tmp_path / "again", backbone)
    assert torch.allclose(first_logits(again, batch), first_logits(model, batch), atol=1e-5)


def test_an_occupied_folder_is_refused_before_anything_is_loaded(tmp_path):
    (tmp_path / "out").mkdir()
    for format in ("peft", "transformers-merged"):
        with pytest.raises(PeftClassroomError, match="exists already"):
            export_checkpoint(tmp_path / "not there either", format, tmp_path / "out")
