"""A run goes on from a checkpoint's weights, own or imported, and its record says from which."""

import json

import pytest
import torch
from safetensors.torch import load_file

from peft_core.checkpoints.exchange.importing import import_checkpoint
from peft_core.checkpoints.run_json import read_record
from peft_core.errors import PeftClassroomError
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.training.continuing import continuation
from peft_core.training.experiment import run_experiment
from tests.checkpoints.exchange.peft_kinds import Kind, build

pytestmark = pytest.mark.usefixtures("easy_reviews")
DATA = ("--train-size", 40, "--validation-size", 20, "--test-size", 40, "--max-length", 16)


def train(run, out, base_folder, method="lora", *options):
    code, _, error = run("train", method, "--base", base_folder, *DATA, "--epochs", 1, *options, "--out", out)
    assert code == 0, error
    return out


@pytest.mark.parametrize("method", ["lora", "full"])
def test_it_starts_where_the_other_ended_and_says_so(run, base_folder, tmp_path, method):
    first = train(run, tmp_path / "first", base_folder, method)
    one = ("--epochs", 1, "--learning-rate", 1e-9)  # a step that moves nothing: what it began with is what it saves
    code, printed, error = run("continue", first, *one, "--out", tmp_path / "second", "--json")
    assert code == 0, error
    before, after = read_record(first), read_record(tmp_path / "second")
    assert json.loads(printed)["test_accuracy"] == after.test.accuracy == before.test.accuracy
    assert after.untrained.accuracy == before.validation.accuracy  # at step 0 it is as good as the other was
    assert after.config.start_from == before.weights_sha256
    assert after.config.data == before.config.data
    assert after.name.endswith(", continued")
    weights = {"lora": "adapter_model.safetensors", "full": "model.safetensors"}[method]
    old, new = (load_file(folder / weights) for folder in (first, tmp_path / "second"))
    assert all(torch.allclose(old[name].float(), new[name].float(), atol=1e-6) for name in old)


def test_an_imported_checkpoint_is_trained_on(run, backbone, base_folder, batch, tmp_path):
    kind = Kind("LoRA", "DoRA", {"r": 2, "lora_alpha": 4, "target_modules": ["q", "v"], "use_dora": True})
    build(kind, backbone, tmp_path / "theirs", batch)
    import_checkpoint(tmp_path / "theirs", tmp_path / "mine", str(base_folder), max_length=16)
    code, _, error = run(
        "continue", tmp_path / "mine", *DATA, "--epochs", 2, "--learning-rate", 0.02, "--out", tmp_path / "on"
    )
    assert code == 0, error
    record = read_record(tmp_path / "on")
    assert record.method == LoraConfig(r=2, alpha=4, use_dora=True)
    assert record.config.start_from == read_record(tmp_path / "mine").weights_sha256


def test_other_weights_than_those_it_names_are_refused_and_so_are_none(run, base_folder, tmp_path):
    first = train(run, tmp_path / "first", base_folder)
    other = train(run, tmp_path / "other", base_folder, "lora", "--seed", 1)
    config = continuation(first, {}, {"epochs": 1})
    for start in (other, None):
        with pytest.raises(PeftClassroomError, match="goes on from weights with the digest"):
            next(run_experiment(config, tmp_path / "run", start=start))
    whole = config.model_copy(update={"method": FullConfig()})
    with pytest.raises(PeftClassroomError, match=r"has no model\.safetensors"):
        next(run_experiment(whole, tmp_path / "run", start=first))
    code, _, error = run("continue", first, "--out", other)
    assert (code, "exists already" in error) == (2, True)
