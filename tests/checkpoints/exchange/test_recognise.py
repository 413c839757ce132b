"""What a folder is, and whose; and that nothing is ever unpickled."""

import json

import pytest
import torch
from safetensors.torch import save_file

from peft_core.checkpoints.exchange.recognise import find_base, recognise
from peft_core.errors import PeftClassroomError
from peft_core.t5.architecture import catalogue

LORA = {"peft_type": "LORA", "peft_version": "0.21.2", "base_model_name_or_path": "google-t5/t5-small", "r": 2}
HUB = {"config": {"architecture": "lora"}, "model_name": "t5", "name": "mine", "version": "adapters.1.3.0"}
T5, PEFT = {"model_type": "t5"}, "adapter_model.safetensors"
DELTA = {"delta_type": "lora", "opendelta_version": "0.3.2", "backbone_checkpoint_name": "t5"}


def put(folder, name, content):
    folder.mkdir(exist_ok=True)
    if name.endswith(".safetensors"):
        save_file({key: torch.zeros(2, 2) for key in content}, folder / name)
    else:
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.mark.parametrize(
    ("files", "kind", "whose", "base"),
    [
        ({"adapter_config.json": LORA, PEFT: "x"}, "peft", "Hugging Face peft 0.21.2", "google-t5/t5-small"),
        ({"adapter_config.json": HUB, "adapter.safetensors": "x"}, "adapterhub", "AdapterHub's adapters 1.3.0", "t5"),
        ({"config.json": DELTA, "delta.safetensors": "x"}, "opendelta", "OpenDelta 0.3.2", "t5"),
        ({"config.json": T5, "model.safetensors": "x"}, "transformers", "Hugging Face transformers", ""),
        ({"weights.safetensors": ["a.q.lora_A", "a.q.lora_B"]}, "loralib", "loralib", ""),
        ({"run.json": "{}"}, "ours", "PEFT Classroom", ""),
    ],
)  # fmt: skip
def test_each_kind_is_told_by_its_own_files(tmp_path, files, kind, whose, base):
    for name, content in files.items():
        put(tmp_path / "c", name, content)
    found = recognise(tmp_path / "c")
    assert (found.kind, found.whose, found.base) == (kind, whose, base)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "nothing that can be read here"),
        ({"adapter_config.json": LORA}, "has no adapter_model.safetensors"),
        ({"adapter_config.json": {"r": 8}, "adapter_model.safetensors": "x"}, "neither peft_type"),
        ({"adapter_config.json": "{", "adapter_model.safetensors": "x"}, "is damaged"),
        ({"adapter_config.json": "[1]", "adapter_model.safetensors": "x"}, "is damaged"),
        ({"config.json": {"model_type": "bert"}, "model.safetensors": "x"}, "'bert', and only T5"),
        ({"config.json": DELTA, "a.safetensors": "x", "b.safetensors": "x"}, "2 safetensors files"),
        ({"weights.safetensors": ["a.weight"]}, "nothing says what they are"),
        ({"config.json": T5, "model.safetensors.index.json": {"weight_map": {"a": "../b"}}}, "lacks ../b"),
        ({"notes.txt": "hello"}, "nothing that can be read here"),
    ],
)  # fmt: skip
def test_what_cannot_be_recognised_is_refused_with_a_sentence(tmp_path, files, sentence):
    (tmp_path / "c").mkdir()
    for name, content in files.items():
        put(tmp_path / "c", name, content)
    with pytest.raises(PeftClassroomError, match=sentence):
        recognise(tmp_path / "c")


@pytest.mark.parametrize(
    ("description", "content", "pickle", "weights"),
    [
        ("adapter_config.json", LORA, "adapter_model.bin", "adapter_model.safetensors"),
        ("adapter_config.json", HUB, "pytorch_adapter.bin", "adapter.safetensors"),
        ("config.json", DELTA, "pytorch_model.bin", "pytorch_model.safetensors"),
        ("config.json", T5, "pytorch_model.bin", "model.safetensors"),
        ("notes.txt", "", "lora.pt", "lora.safetensors"),
    ],
)
def test_a_pickle_is_refused_with_the_two_lines_that_convert_it(tmp_path, description, content, pickle, weights):
    """And they do: run as written, the folder is recognised."""
    put(tmp_path / "c", description, content)
    torch.save({"a.q.lora_A": torch.ones(2, 2), "a.q.lora_B": torch.ones(2, 2)}, tmp_path / "c" / pickle)
    with pytest.raises(PeftClassroomError, match="nothing is ever unpickled here") as refused:
        recognise(tmp_path / "c")
    lines = [line.strip() for line in str(refused.value).splitlines()[1:]]
    assert len(lines) == 2
    with pytest.MonkeyPatch.context() as here:
        here.chdir(tmp_path / "c")
        exec("\n".join(lines), {})
    assert recognise(tmp_path / "c").weights == (tmp_path / "c" / weights,)


def test_a_pickle_by_another_name_is_not_opened(tmp_path):
    put(tmp_path / "c", "adapter_config.json", LORA)
    torch.save({"a": torch.ones(2)}, tmp_path / "c" / "adapter_model.safetensors")
    found = recognise(tmp_path / "c")
    with pytest.raises(PeftClassroomError, match="is damaged"):
        found.shapes()


def test_a_base_is_found_by_its_name_its_id_or_the_end_of_its_path(tmp_path, monkeypatch):
    tiny = catalogue()["tiny-t5"]
    for named, note in (
        ("tiny-t5", False),
        (tiny.source, False),
        ("/somewhere/else/tiny-t5", True),
        (r"C:\t5\tiny-t5", True),
    ):
        base, said = find_base(named, folders=False)
        assert (base, bool(said)) == (tiny, note), named
    assert find_base("google-t5/t5-small", folders=False)[0].name == "t5-small"
    for named in ("", "gpt2", "../../etc"):
        assert find_base(named, folders=False) == (None, "")


def test_only_who_sits_here_may_point_at_a_folder(base_folder):
    assert find_base(str(base_folder), folders=False) == (None, "")
    assert find_base(str(base_folder), folders=True)[0].name == str(base_folder)
