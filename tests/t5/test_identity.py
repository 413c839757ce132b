"""A base model is its weights, its tokenizer and its configuration: a checkpoint over another one is refused."""

import json
import shutil

import pytest

from peft_core.checkpoints.files import load_checkpoint, save_checkpoint
from peft_core.errors import PeftClassroomError
from peft_core.t5.backbone import load_backbone
from tests.cases import CASES
from tests.trained import make_record, trained


def in_json(name, change):
    def altered(folder):
        path = folder / name
        data = json.loads(path.read_text())
        change(data)
        path.write_text(json.dumps(data))

    return altered


def exchange(data):
    words = data["model"]["vocab"]
    words["positive"], words["negative"] = words["negative"], words["positive"]


CHANGES = {  # what is changed → the part that differs, and no weight with it
    "two words of the vocabulary": (in_json("tokenizer.json", exchange), "tokenizer"),
    "what is put behind a text": (in_json("tokenizer.json", lambda d: d.update(post_processor=None)), "tokenizer"),
    "how a text is split": (
        in_json("tokenizer.json", lambda d: d.update(pre_tokenizer={"type": "Whitespace"})),
        "tokenizer",
    ),
    "where position biases end": (
        in_json("config.json", lambda d: d.update(relative_attention_max_distance=16)),
        "configuration",
    ),
    "layer norm": (in_json("config.json", lambda d: d.update(layer_norm_epsilon=1.0)), "configuration"),
    "the non-linearity": (in_json("config.json", lambda d: d.update(dense_act_fn="gelu")), "configuration"),
    "the start token": (in_json("config.json", lambda d: d.update(decoder_start_token_id=5)), "configuration"),
    "scaled outputs": (in_json("config.json", lambda d: d.update(scale_decoder_outputs=False)), "configuration"),
}


@pytest.mark.parametrize(("change", "part"), CHANGES.values(), ids=CHANGES)
def test_a_checkpoint_over_an_altered_base_is_refused(base_folder, backbone, batch, tmp_path, change, part):
    model = trained(backbone, CASES["lora"], batch)
    save_checkpoint(model, make_record(backbone, CASES["lora"]), backbone, tmp_path / "c")
    shutil.copytree(base_folder, tmp_path / "base")
    change(tmp_path / "base")
    altered = load_backbone(str(tmp_path / "base"))
    assert altered.identity.weights == backbone.identity.weights
    with pytest.raises(PeftClassroomError, match=f"another base model .* the {part}"):
        load_checkpoint(tmp_path / "c", altered)


def test_a_copy_elsewhere_is_the_same_base(base_folder, backbone, tmp_path):
    shutil.copytree(base_folder, tmp_path / "moved")
    moved = load_backbone(str(tmp_path / "moved"))
    moved.tokenizer(["a good film", "a"], padding=True, truncation=True, max_length=2)  # a caller's choice
    assert load_backbone(str(tmp_path / "moved")).identity == moved.identity == backbone.identity


def test_words_in_front_of_a_review_belong_to_the_checkpoint(base_folder, backbone, batch, tmp_path):
    save_checkpoint(
        trained(backbone, CASES["lora"], batch), make_record(backbone, CASES["lora"]), backbone, tmp_path / "c"
    )
    other = load_backbone(str(base_folder), prefix="is it good: ")
    with pytest.raises(PeftClassroomError, match="trained on reviews behind 'sst2 sentence: '"):
        load_checkpoint(tmp_path / "c", other)
