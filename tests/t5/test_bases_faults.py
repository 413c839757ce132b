"""What may be wrong with a base model's folder: it is another base, the same one, or a sentence that names the folder.

The harmless changes keep the identity, those that change answers change it, and nothing else is loaded.
"""

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

from peft_core.errors import PeftClassroomError
from peft_core.t5.architecture import base_model
from peft_core.t5.backbone import load_backbone
from tests.t5.test_identity import CHANGES, in_json

WEIGHTS = "model.safetensors"


def write(name: str, data: bytes):
    return lambda folder: (folder / name).write_bytes(data)


def without(name: str):
    return lambda folder: (folder / name).unlink()


def config(**values):
    return in_json("config.json", lambda data: data.update(values))


def config_without(name: str):
    return in_json("config.json", lambda data: data.pop(name))


def in_weights(change):
    def altered(folder):
        tensors = load_file(folder / WEIGHTS)
        change(tensors)
        save_file(tensors, folder / WEIGHTS, {"format": "pt"})

    return altered


def cut(folder):
    data = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(data[: len(data) // 2])


def pickled(folder):
    (folder / WEIGHTS).unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04cposix\nsystem\n.")


def index(content: str):
    def altered(folder):
        (folder / WEIGHTS).unlink()
        (folder / "model.safetensors.index.json").write_text(content)

    return altered


Q = "encoder.block.0.layer.0.SelfAttention.q.weight"
REFUSED = {  # change → the file that the sentence names, where only one can be meant
    "tokenizer.json missing": (without("tokenizer.json"), ""),
    "tokenizer.json garbage": (write("tokenizer.json", b"{nothing"), ""),
    "tokenizer.json of another kind": (write("tokenizer.json", b"[]"), ""),
    "config.json missing": (without("config.json"), ""),
    "config.json garbage": (write("config.json", b"{nothing"), "config.json"),
    "config.json not UTF-8": (write("config.json", b"\xff\xfe{\x00"), "config.json"),
    "config.json a list": (write("config.json", b"[]"), "config.json"),
    "config.json nested": (write("config.json", b"[" * 100_000), "config.json"),
    "d_model missing": (config_without("d_model"), "config.json"),
    "d_model a word": (config(d_model="wide"), "config.json"),
    "d_model huge": (config(d_model=10**12), "config.json"),
    "num_layers zero": (config(num_layers=0), "config.json"),
    "num_layers true": (config(num_layers=True), "config.json"),
    "d_kv halved": (config(d_kv=2), ""),
    "d_ff doubled": (config(d_ff=48), ""),
    "heads doubled, d_kv halved, an odd one": (config(num_heads=5), ""),
    "vocab_size + 1": (config(vocab_size=65), ""),
    "more layers than are stored": (config(num_layers=4, num_decoder_layers=4), ""),
    "of another kind": (config(model_type="bert"), "config.json"),
    "weights cut": (cut, ""),
    "weights missing": (without(WEIGHTS), ""),
    "weights empty": (write(WEIGHTS, b""), WEIGHTS),
    "weights garbage": (write(WEIGHTS, b"\xff" * 64), WEIGHTS),
    "weights with a list for a head": (write(WEIGHTS, (2).to_bytes(8, "little") + b"[]"), WEIGHTS),
    "a pickle in their place": (pickled, ""),
    "a tensor missing": (in_weights(lambda tensors: tensors.pop(Q)), ""),
    "a tensor of another shape": (in_weights(lambda tensors: tensors.update({Q: tensors[Q][:3].clone()})), ""),
    "a tensor not finite": (in_weights(lambda tensors: tensors[Q].fill_(float("nan"))), ""),
    "an index that is garbage": (index("{nothing"), "model.safetensors.index.json"),
    "an index without a map": (index('{"weight_map": []}'), "model.safetensors.index.json"),
    "an index that leads elsewhere": (index('{"weight_map": {"x": "../y"}}'), "model.safetensors.index.json"),
}
ANOTHER = {
    **{name: change for name, (change, _) in CHANGES.items()},
    "fewer layers than are stored": config(num_layers=1, num_decoder_layers=1),
    "one bit of the weights": in_weights(lambda tensors: tensors[Q].view(-1)[0].mul_(2)),
}
THE_SAME = {
    "an extra tensor": in_weights(lambda tensors: tensors.update(extra=tensors[Q].clone())),
    "a second file": write("README.md", b"# A base model"),
    "told to be untied without an output layer": config(tie_word_embeddings=False),
}


@pytest.fixture
def folder(base_folder, tmp_path):
    return shutil.copytree(base_folder, tmp_path / "base")


@pytest.mark.parametrize(("change", "file"), REFUSED.values(), ids=REFUSED)
def test_a_fault_is_one_sentence_that_says_where(folder, change, file):
    change(folder)
    with pytest.raises(PeftClassroomError) as error:
        load_backbone(str(folder))
    said = str(error.value)
    assert str(folder / file if file else folder) in said
    assert "\n" not in said and len(said) < 600


@pytest.mark.parametrize("change", ANOTHER.values(), ids=ANOTHER)
def test_what_changes_answers_is_another_base(folder, backbone, change):
    change(folder)
    assert load_backbone(str(folder)).identity != backbone.identity


@pytest.mark.parametrize("change", THE_SAME.values(), ids=THE_SAME)
def test_what_changes_nothing_is_the_same_base(folder, backbone, change):
    change(folder)
    assert load_backbone(str(folder)).identity == backbone.identity


def test_without_a_tokenizer_s_settings_it_is_another_base_or_told(folder, backbone):
    (folder / "tokenizer_config.json").unlink()
    try:
        assert load_backbone(str(folder)).identity != backbone.identity
    except PeftClassroomError as error:
        assert str(folder) in str(error)


def test_shapes_alone_are_refused_as_well(folder):
    """Counting by hand reads no weights: what it would count wrongly it has to see in the file."""
    (folder / "config.json").write_text(json.dumps({"model_type": "t5"}))
    with pytest.raises(PeftClassroomError, match="does not say vocab_size, d_model"):
        base_model(str(folder))
