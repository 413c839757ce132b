"""A T5 v1.1, whose output layer has weights of its own, is counted, asked and kept as what it is."""

import json
import re
from dataclasses import replace

import pytest
import torch
from huggingface_hub import constants
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import T5ForConditionalGeneration

from peft_core.analysis.explain import attribution
from peft_core.analysis.explain.attribution import integrated_gradients
from peft_core.checkpoints.asking.passes import Row, label_logits
from peft_core.checkpoints.files import save_checkpoint
from peft_core.checkpoints.weights_file import weights_file
from peft_core.counting.by_hand import count
from peft_core.counting.by_numel import count_by_numel
from peft_core.errors import PeftClassroomError
from peft_core.methods.fast import fuse
from peft_core.methods.full.method import FullConfig
from peft_core.methods.registry import method_config
from peft_core.t5 import backbone
from peft_core.t5.architecture import base_model, read_architecture
from peft_core.t5.backbone import load_backbone
from tests.cases import GATED, TINY, every_config, make_base
from tests.hub import keep
from tests.trained import apply, logits, make_record, train_a_little, trained

SMALL = {  # as published: google/flan-t5-small, google-t5/t5-small
    "flan-t5-small": {
        "d_ff": 1024, "d_kv": 64, "d_model": 512, "num_heads": 6, "num_layers": 8, "num_decoder_layers": 8,
        "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False,
    },
    "t5-small": {"d_ff": 2048, "d_kv": 64, "d_model": 512, "num_heads": 8, "num_layers": 6},
}  # fmt: skip
PUBLISHED = {  # parameters of the Hub's files
    "t5-small": 60_506_624,
    "t5-base": 222_903_552,
    "t5-large": 737_668_096,
    "t5-3b": 2_851_598_336,
    "t5-11b": 11_307_321_344,
    "flan-t5-small": 76_961_152,
    "flan-t5-base": 247_577_856,
    "flan-t5-large": 783_150_080,
    "flan-t5-xl": 2_849_757_184,
    "flan-t5-xxl": 11_135_332_352,
}


def write_config(folder, **fields):
    folder.mkdir(exist_ok=True)
    config = {"model_type": "t5", "vocab_size": 32128, "relative_attention_num_buckets": 32, **fields}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def theirs(source, batch, label_ids):
    """Logits of the label words as the library computes them for the model in this folder."""
    model = T5ForConditionalGeneration.from_pretrained(source, attn_implementation="eager").eval()
    ids, mask = batch
    with torch.inference_mode():
        out = model(input_ids=ids, attention_mask=mask, decoder_input_ids=ids.new_zeros(len(ids), 1))
    return out.logits[:, 0][:, list(label_ids)]


def totals(base):
    by_hand, by_numel = count(base.architecture, FullConfig()), count_by_numel(base, FullConfig())
    return by_hand.trainable_parameters, by_hand.total_parameters, by_numel.numel_trainable, by_numel.numel_total


# ---------------------------------------------------------------------------------------------------------------------
# Counted


@pytest.mark.parametrize(("name", "total"), [("flan-t5-small", 76_961_152), ("t5-small", 60_506_624)])
def test_a_published_config_alone_in_a_folder_is_counted_right(run, tmp_path, name, total):
    code, out, _ = run("count", "full", "--base", write_config(tmp_path / "base", **SMALL[name]))
    assert code == 0
    assert re.findall(r"^(?:by hand|numel\(\)) +([\d,]+) of ([\d,]+) train", out, re.M) == 2 * [2 * (f"{total:,}",)]
    assert ("output layer, not shared: 32,128 tokens × 512 = 16,449,536\n" in out) is (name != "t5-small")
    assert ("token embedding, shared with the output layer:" in out) is (name == "t5-small")
    assert f"{tmp_path}/base/config.json" in out.replace("\n", "")


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_catalogue_has_the_published_models(name):
    base = base_model(name)
    assert base == base_model(base.source)  # its id on the Hub
    assert totals(base) == 4 * (PUBLISHED[name],)
    if name.startswith("flan"):
        v1_1 = base_model(name.replace("flan-t5", "t5-v1_1"))
        assert (v1_1.source, v1_1.architecture) == (f"google/{v1_1.name}", base.architecture)


def test_the_counts_are_those_of_the_saved_tensors(gated):
    stored = load_file(f"{gated.base.source}/model.safetensors")
    assert {"lm_head.weight", "shared.weight"} <= stored.keys()
    assert totals(gated.base) == 4 * (sum(tensor.numel() for tensor in stored.values()),)


def test_numel_is_of_the_models_own_config_where_there_is_one(gated):
    lora = method_config("lora")
    assert str(count_by_numel(gated.base, lora).config_file) == f"{gated.base.source}/config.json"
    assert count_by_numel(base_model("flan-t5-small"), lora).config_file is None
    wrong = replace(gated.base, architecture=replace(gated.base.architecture, d_ff=25, tied=True))  # misread by us
    assert count_by_numel(wrong, lora).numel_total == count(gated.base.architecture, lora).total_parameters
    assert count(wrong.architecture, lora).total_parameters != count(gated.base.architecture, lora).total_parameters


def test_numel_reads_a_models_config_in_the_cache_of_the_hub_not_our_list(monkeypatch, run, tmp_path):
    """Were our list of published shapes wrong, whoever has the model would see it."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    files = write_config(tmp_path / "files", **SMALL["flan-t5-small"])
    config = keep(tmp_path, "google-t5/t5-small", files) / "config.json"
    code, out, _ = run("count", "lora", "--r", 97, "--base", "t5-small", "--json")  # asked nowhere else: not kept
    assert code == 1
    found = json.loads(out)
    assert found["numel_config_file"] == str(config)
    assert found["numel_total"] - found["numel_trainable"] == PUBLISHED["flan-t5-small"]
    assert found["total_parameters"] - found["trainable_parameters"] == PUBLISHED["t5-small"]


# ---------------------------------------------------------------------------------------------------------------------
# Tied or not: the tensors say it, then the configuration


@pytest.mark.parametrize("said", [True, False, None])
@pytest.mark.parametrize("architecture", [TINY, GATED], ids=["tied", "untied"])
def test_tensors_are_believed_not_the_configuration(tmp_path, architecture, said):
    folder = make_base(tmp_path / "base", architecture)
    config = json.loads((folder / "config.json").read_text()) | {"tie_word_embeddings": said}
    if said is None:
        del config["tie_word_embeddings"]
    (folder / "config.json").write_text(json.dumps(config))
    hold(folder, architecture.tied)


def hold(folder, tied):
    """Read here, read by the library, and loaded by it: all three the same."""
    assert read_architecture(folder).tied is tied
    base = base_model(str(folder))
    by_hand, numel, loaded = (
        count(base.architecture, FullConfig()).total_parameters,
        count_by_numel(base, FullConfig()).numel_total,
        sum(p.numel() for p in T5ForConditionalGeneration.from_pretrained(folder).parameters()),
    )
    assert by_hand == numel == loaded


def test_two_tables_that_are_equal_are_one(tmp_path):
    """As files hold them that were made of a `.bin`, where a tied table stands under each of its names."""
    folder = make_base(tmp_path / "base", TINY)
    stored = load_file(folder / "model.safetensors")
    save_file(
        stored | {"lm_head.weight": stored["shared.weight"].clone()}, folder / "model.safetensors", {"format": "pt"}
    )
    hold(folder, True)
    del stored["shared.weight"]
    save_file(stored | {"lm_head.weight": torch.randn(64, 16)}, folder / "model.safetensors", {"format": "pt"})
    hold(folder, True)


def test_a_model_in_several_files(tmp_path):
    folder = make_base(tmp_path / "base", GATED)
    T5ForConditionalGeneration.from_pretrained(folder).save_pretrained(folder, max_shard_size="5KB")
    (folder / "model.safetensors").unlink(missing_ok=True)
    assert len(list(folder.glob("model-*.safetensors"))) > 2
    hold(folder, False)
    assert weights_file(folder).elements == count(GATED, FullConfig()).total_parameters


def test_where_only_the_configuration_is_there_it_says(tmp_path):
    shapes = SMALL["t5-small"]
    for fields, tied in (
        ({}, True),
        ({"tie_word_embeddings": True}, True),
        ({"tie_word_embeddings": False}, False),
        ({"feed_forward_proj": "gated-gelu"}, True),  # nothing says otherwise, and so the library builds it
        ({"tie_word_embeddings": True, "scale_decoder_outputs": False}, False),  # as version 5 writes a v1.1
    ):
        base = base_model(str(write_config(tmp_path / "base", **shapes, **fields)))
        assert base.architecture.tied is tied, fields
        assert len(set(totals(base))) == 1, fields


def test_a_configuration_without_a_shape_and_damaged_tensors_are_a_sentence(tmp_path):
    folder = write_config(tmp_path / "base", d_model=16)
    with pytest.raises(PeftClassroomError, match="does not say d_kv, d_ff, num_heads, num_layers"):
        base_model(str(folder))
    write_config(folder, **SMALL["t5-small"])
    for damaged in (b"", b"\xff" * 9, b"\x02" + 7 * b"\0" + b"[]", b"\x07" + 7 * b"\0" + b'{"a":1}'):
        (folder / "model.safetensors").write_bytes(damaged)
        with pytest.raises(PeftClassroomError, match="is damaged"):
            base_model(str(folder))


# ---------------------------------------------------------------------------------------------------------------------
# Asked


def test_plain_fused_and_packed_logits_are_the_librarys(gated, batch):
    ids, mask = batch
    wanted = theirs(gated.base.source, batch, gated.label_ids)
    fused = fuse(gated.own_copy(), torch.device("cpu"))
    packed = label_logits(
        [Row(gated.model, row[: int(n)].tolist()) for row, n in zip(ids, mask.sum(1), strict=True)], gated.label_ids
    )
    for found in (logits(gated.model, batch, gated), logits(fused, batch, gated), packed):
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


@every_config
def test_a_trained_models_answer_is_in_its_own_output_layer(gated, batch, config):
    model = trained(gated, config, batch)
    ids, mask = batch
    with torch.inference_mode():
        out = model(input_ids=ids, attention_mask=mask, decoder_input_ids=ids.new_zeros(len(ids), 1), use_cache=False)
    wanted = out.logits[:, 0][:, list(gated.label_ids)]
    torch.testing.assert_close(logits(model, batch, gated), wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("method", ["full", "lora", "soft_prompt"])
def test_integrated_gradients_are_complete_and_end_at_the_models_answer(gated, batch, method, monkeypatch):
    monkeypatch.setattr(attribution, "MAX_STEPS", 27 * 3**3)
    model = trained(gated, method_config(method), batch).requires_grad_(False)
    found = integrated_gradients(gated, model, "the plot was dull", 24)
    assert found.complete
    (negative, positive), *_ = label_logits(
        [Row(model, attribution.read(gated.tokenizer, gated.base.prefix, "the plot was dull", 24).ids)], gated.label_ids
    )
    assert found.whole == pytest.approx((positive - negative).item(), abs=1e-4)


# ---------------------------------------------------------------------------------------------------------------------
# Trained and kept


def test_full_fine_tuning_trains_the_output_layer_and_the_library_loads_it(gated, batch, tmp_path):
    model = apply(gated, FullConfig())
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    train_a_little(model, batch)
    assert not torch.equal(model.lm_head.weight, before["lm_head.weight"])
    assert not torch.equal(model.shared.weight, before["shared.weight"])
    save_checkpoint(model.eval(), make_record(gated, FullConfig()), gated, tmp_path / "full")
    torch.testing.assert_close(
        theirs(tmp_path / "full", batch, gated.label_ids), logits(model, batch, gated), atol=1e-5, rtol=1e-5
    )
    assert json.loads((tmp_path / "full" / "config.json").read_text())["tie_word_embeddings"] is False
    hold(tmp_path / "full", False)
    again = load_backbone(str(tmp_path / "full"))
    assert torch.equal(logits(again.model, batch, again), logits(model, batch, gated))
    with safe_open(tmp_path / "full" / "model.safetensors", "pt") as file:
        assert torch.equal(file.get_tensor("lm_head.weight"), model.lm_head.weight)


# ---------------------------------------------------------------------------------------------------------------------
# Weights that would have to be unpickled


def test_a_bin_file_is_counted_by_its_configuration_and_never_opened(tmp_path):
    folder = make_base(tmp_path / "base", GATED)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert len(set(totals(base_model(str(folder))))) == 1
    assert not base_model(str(folder)).architecture.tied
    with pytest.raises(PeftClassroomError, match="only safetensors files are read"):
        load_backbone(str(folder))


def test_a_model_of_the_hub_that_has_no_other_file_says_what_to_do(monkeypatch):
    def refused(*_, **__):
        raise OSError("It does not appear to have a file named model.safetensors")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(backbone.AutoTokenizer, "from_pretrained", lambda *_, **__: None)
    monkeypatch.setattr(backbone.T5ForConditionalGeneration, "from_pretrained", refused)
    with pytest.raises(PeftClassroomError, match="google/t5-v1_1-small has no weights in safetensors files"):
        load_backbone("t5-v1_1-small")
