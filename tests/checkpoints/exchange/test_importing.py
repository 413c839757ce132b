"""Import: nothing made up, nothing half done; and whatever a description says, a sentence or an answer comes of it."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from peft_core.checkpoints.agreement import method_described
from peft_core.checkpoints.exchange.importing import import_checkpoint
from peft_core.checkpoints.exchange.inspecting import inspect
from peft_core.checkpoints.exchange.recognise import recognise
from peft_core.checkpoints.files import load_checkpoint, save_checkpoint
from peft_core.errors import PeftClassroomError
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import METHODS
from tests.cases import TINY
from tests.checkpoints.exchange import golden_kinds
from tests.checkpoints.exchange.peft_kinds import Kind, build, first_logits
from tests.trained import make_record, trained

QV = Kind("LoRA", "r = 2", {"r": 2, "lora_alpha": 4, "target_modules": ["q", "v"]})


@pytest.fixture
def theirs(backbone, batch, tmp_path):
    """A folder that peft saved, and its logits."""
    folder, logits, _ = build(QV, backbone, tmp_path / "theirs", batch)
    return folder, logits


def test_what_is_imported_is_stored_in_our_form_with_no_figure(run, backbone, batch, theirs, tmp_path):
    folder, logits = theirs
    code, printed, error = run("import", folder, "--out", tmp_path / "mine", "--max-length", 32, "--json")
    assert code == 0, error
    assert json.loads(printed)["max_length"] == 32
    model, record = load_checkpoint(tmp_path / "mine", backbone)
    assert torch.allclose(first_logits(model, batch), logits, atol=1e-5)
    assert (record.origin, record.test, record.method) == ("imported", None, LoraConfig(r=2, alpha=4))
    assert record.source.startswith("Hugging Face peft 0.")
    code, printed, _ = run("inspect", tmp_path / "mine", "--json")
    said = json.loads(printed)
    assert (code, said["kind"], said["readable"], said["test"]) == (0, "ours", True, None)
    code, printed, _ = run("inspect", folder)
    assert code == 0
    assert "Hugging Face peft" in printed and "It can be read here." in printed and "lora_alpha = 4" in printed


def test_our_own_and_an_occupied_folder_are_refused(run, backbone, batch, theirs, tmp_path):
    save_checkpoint(
        trained(backbone, LoraConfig(), batch), make_record(backbone, LoraConfig()), backbone, tmp_path / "ours"
    )
    with pytest.raises(PeftClassroomError, match="already: use it as it is"):
        import_checkpoint(tmp_path / "ours", tmp_path / "out")
    code, _, error = run("import", theirs[0], "--out", tmp_path / "ours")
    assert (code, "exists already" in error) == (2, True)
    assert {path.name for path in tmp_path.iterdir()} == {"theirs", "ours"}


def changed(tensors, name, value):
    return {**tensors, name: value}


FIRST = "base_model.model.decoder.block.0.layer.0.SelfAttention.q.lora_A.weight"
SHARED = "base_model.model.shared.weight"
DAMAGE = {
    "missing": (lambda t: {k: v for k, v in t.items() if k != FIRST}, "1 missing"),
    "extra": (lambda t: changed(t, "something.else", torch.ones(2)), "1 extra"),
    "misshapen": (lambda t: changed(t, FIRST, torch.ones(3, 16)), "has shape"),
    "not finite": (lambda t: changed(t, FIRST, torch.full((2, 16), float("nan"))), "not finite"),
    "whole numbers": (lambda t: changed(t, FIRST, torch.ones(2, 16, dtype=torch.int32)), "of type int32"),
    "another weight of the base": (lambda t: changed(t, SHARED, torch.ones(64, 16)), "brings another"),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "sentence"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_folder_is_refused_and_inspected_all_the_same(backbone, theirs, tmp_path, damage, sentence):
    folder, _ = theirs
    weights = folder / "adapter_model.safetensors"
    save_file(damage(load_file(weights)), weights)
    with pytest.raises(PeftClassroomError, match=sentence):
        import_checkpoint(folder, tmp_path / "out")
    said, adopted = inspect(folder)
    assert adopted is None and not said.readable
    assert sentence in said.problems[0]
    assert (said.whose[:17], said.settings["r"]) == ("Hugging Face peft", "2")
    assert {path.name for path in tmp_path.iterdir()} == {"theirs"}


def test_a_head_of_its_own_beside_an_adapter_is_refused(tmp_path):
    """AdapterHub saves the output layer beside an adapter, and loads it again."""
    golden = golden_kinds.GOLDEN / "adapterhub" / "saved" / "seq_head"
    shutil.copytree(golden, tmp_path / "c")
    record = import_checkpoint(tmp_path / "c", tmp_path / "same", str(golden_kinds.BASE))
    assert any("copy of the base model's output layer" in note for note in record.notes)
    head = load_file(tmp_path / "c" / "model_head.safetensors")
    save_file({name: 2 * tensor for name, tensor in head.items()}, tmp_path / "c" / "model_head.safetensors")
    with pytest.raises(PeftClassroomError, match="An output layer of its own"):
        import_checkpoint(tmp_path / "c", tmp_path / "other", str(golden_kinds.BASE))


def test_a_base_that_is_not_here_is_asked_for(theirs, tmp_path):
    path = theirs[0] / "adapter_config.json"
    for named, sentence in (("gpt2", r"'gpt2' is not known here.*--base"), ("", "names no base model")):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"base_model_name_or_path": named}))
        with pytest.raises(PeftClassroomError, match=sentence):
            import_checkpoint(theirs[0], tmp_path / "out")
        said, _ = inspect(theirs[0])
        assert said.stored == 672  # looked at as far as it can be


VALUES = (None, True, -1, 0, 3, 1.5, float("inf"), "x", "(", "", [], ["x"], [1], {}, {"x": 1}, {"x": "y"})


SAVED = [
    *(("adapterhub", name) for name in ("seq_rf2", "lora", "ia3")),
    *(("opendelta", name) for name in ("lora", "soft_prompt_1", "adapter_24")),
]


def descriptions():
    """One of each kind: from the methods' own examples, and from what the other libraries saved."""
    for method in METHODS.values():
        config = next(iter(method.examples.values()))
        said = method.description(config, TINY, "tiny-t5")
        if said is not None and "peft_type" in said:
            yield method.name, "adapter_config.json", "adapter_model.safetensors", said
    for library, name in SAVED:
        file = "adapter_config.json" if library == "adapterhub" else "config.json"
        said = json.loads((golden_kinds.GOLDEN / library / "saved" / name / file).read_text())
        yield name, file, "adapter.safetensors", said


EVERY = tuple(descriptions())


@pytest.mark.parametrize(("name", "file", "weights", "said"), EVERY, ids=[each[0] for each in EVERY])
def test_any_value_of_any_setting_is_read_or_refused_with_a_sentence(tmp_path, name, file, weights, said):
    save_file({"encoder.block.0.layer.0.SelfAttention.q.lora.lora_A": torch.ones(2, 16)}, tmp_path / weights)
    inner = said.get("config") if isinstance(said.get("config"), dict) else None
    for setting in (*said, "unheard_of", *(f"config.{key}" for key in inner or ())):
        for value in VALUES:
            changed = json.loads(json.dumps(said))
            if setting.startswith("config."):
                changed["config"][setting.removeprefix("config.")] = value
            else:
                changed[setting] = value
            (tmp_path / file).write_text(json.dumps(changed))
            try:
                native = recognise(tmp_path).native()
                if (method := method_described(native.description)) is not None:
                    method.read(native.description, TINY)
            except PeftClassroomError as error:
                assert len(str(error)) < 700, setting
            except Exception as error:
                raise AssertionError(f"{setting} = {value!r}: {type(error).__name__}: {error}") from error
