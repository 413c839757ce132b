"""What the other library's file says is obeyed or refused: two truths in one folder are none."""

import copy
import json
import shutil

import pytest

from peft_core.checkpoints.agreement import DESCRIPTION, method_described
from peft_core.checkpoints.files import load_checkpoint, save_checkpoint
from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import METHODS, method_of
from tests.cases import CASES, TINY
from tests.trained import make_record, trained

STORED = {name: config for name, config in CASES.items() if method_of(config).description(config, TINY, "base")}
every_stored = pytest.mark.parametrize("config", STORED.values(), ids=STORED)
NAMES = {"base_model_name_or_path", "model_name", "name", "version", "revision", "inference_mode", "task_type"}


@every_stored
def test_a_description_is_recognised_by_its_method_alone_and_read_as_what_was_written(config, backbone, gated):
    for base in (backbone, gated):
        description = method_of(config).description(config, base.base.architecture, "base")
        assert method_described(description) is method_of(config)
        assert [m.name for m in METHODS.values() if m.recognises(description)] == [config.method]
        read = method_of(config).read(description, base.base.architecture)
        again = method_of(config).description(read.config, base.base.architecture, "base")
        assert again == description
        assert read.notes == ()


def altered(value):
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value * 2 + 1
    if isinstance(value, str):
        return "something else"
    if isinstance(value, list):
        return value[1:] if value else ["something"]
    return {"something": 2} if isinstance(value, dict) else "something"


def edits(description):
    """(setting, the description with another value for it), for every setting, also those of a part."""
    for name, value in description.items():
        if isinstance(value, dict) and value:
            for inner, new in edits(value):
                yield inner, description | {name: new}
        elif name not in NAMES:
            yield name, description | {name: altered(value)}


@every_stored
def test_every_setting_of_the_other_file_is_obeyed_or_refused(config, backbone, batch, tmp_path):
    """Whatever is altered there: the folder is refused in a sentence, or the setting is one that changes no answer."""
    save_checkpoint(trained(backbone, config, batch), make_record(backbone, config), backbone, tmp_path / "c")
    path = tmp_path / "c" / DESCRIPTION
    kept = json.loads(path.read_text())
    method, architecture = method_of(config), backbone.base.architecture
    for setting, new in edits(copy.deepcopy(kept)):
        path.write_text(json.dumps(new))
        try:
            load_checkpoint(tmp_path / "c", backbone)
        except PeftClassroomError as error:
            assert DESCRIPTION in str(error), setting
            continue
        assert method.read(new, architecture).config == method.read(kept, architecture).config, setting


def test_the_base_model_that_the_other_file_names_may_not_be_another_known_one(backbone, batch, tmp_path):
    config = CASES["lora"]
    save_checkpoint(trained(backbone, config, batch), make_record(backbone, config), backbone, tmp_path / "c")
    path = tmp_path / "c" / DESCRIPTION
    path.write_text(json.dumps(json.loads(path.read_text()) | {"base_model_name_or_path": "google-t5/t5-11b"}))
    with pytest.raises(PeftClassroomError, match="disagree on the base model"):
        load_checkpoint(tmp_path / "c", backbone)


@pytest.mark.parametrize("content", [None, "{", "[]", "x" * 2_000_000])
def test_a_description_that_cannot_be_read_is_damage(content, backbone, batch, tmp_path):
    config = CASES["lora"]
    save_checkpoint(trained(backbone, config, batch), make_record(backbone, config), backbone, tmp_path / "c")
    (tmp_path / "c" / DESCRIPTION).unlink()
    if content is not None:
        (tmp_path / "c" / DESCRIPTION).write_text(content)
    with pytest.raises(PeftClassroomError, match=r"adapter_config\.json"):
        load_checkpoint(tmp_path / "c", backbone)


@pytest.mark.parametrize("change", ["d_kv", "num_layers", "layer_norm_epsilon", "decoder_start_token_id"])
def test_a_whole_model_has_the_configuration_of_its_base(change, backbone, batch, tmp_path):
    config = CASES["full"]
    save_checkpoint(trained(backbone, config, batch), make_record(backbone, config), backbone, tmp_path / "c")
    path = tmp_path / "c" / "config.json"
    said = json.loads(path.read_text())
    path.write_text(json.dumps(said | {change: said[change] * 2 + 1}))
    with pytest.raises(PeftClassroomError, match=rf"config\.json says {change}"):
        load_checkpoint(tmp_path / "c", backbone)


def test_a_whole_model_has_the_tokenizer_of_its_base(backbone, batch, tmp_path):
    config = CASES["full"]
    save_checkpoint(trained(backbone, config, batch), make_record(backbone, config), backbone, tmp_path / "c")
    shutil.copytree(tmp_path / "c", tmp_path / "less")
    (tmp_path / "less" / "tokenizer.json").unlink()
    with pytest.raises(PeftClassroomError, match="tokenizer"):
        load_checkpoint(tmp_path / "less", backbone)
    path = tmp_path / "c" / "tokenizer.json"
    path.write_text(path.read_text().replace('"negative":', '"other":'))
    with pytest.raises(PeftClassroomError, match="tokenizer is not that"):
        load_checkpoint(tmp_path / "c", backbone)
