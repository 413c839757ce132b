"""Whoever calls the library: names and paths as text, a loop of one's own kept, a method put on once."""

import pytest
import torch

from peft_core import LoraConfig, RunConfig, TrainConfig, apply_method, load_checkpoint, run_experiment, save_model
from peft_core.checkpoints.asking.predictor import Predictor
from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import METHODS, method_label
from peft_core.reviews.config import DataConfig
from tests.cases import every_config
from tests.trained import PROMPT_IDS, logits, trained


@every_config
def test_a_loop_of_ones_own_is_kept_and_loaded_again(backbone, batch, config, tmp_path):
    model = trained(backbone, config, batch)
    if METHODS[config.method].owns_weights:  # stored rounded
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(parameter.to(torch.bfloat16))
    folder = save_model(model, config, backbone, str(tmp_path / "kept"), max_length=32, source="my loop")
    loaded, record = load_checkpoint(str(folder), backbone)
    assert torch.equal(logits(loaded, batch, backbone), logits(model, batch, backbone))
    assert (record.method, record.max_length, record.test) == (config, 32, None)
    assert "my loop" in record.why


def test_a_model_without_a_method_is_not_kept(backbone, tmp_path):
    with pytest.raises(PeftClassroomError, match="Nothing in this model trains"):
        save_model(backbone.replica(), LoraConfig(), backbone, tmp_path / "kept")


@every_config
def test_a_second_method_on_the_same_model_is_told_by_the_firsts_name(backbone, config):
    t5 = backbone.own_copy()
    applied = apply_method(t5, config, PROMPT_IDS)
    if METHODS[config.method].owns_weights:
        apply_method(applied, LoraConfig())  # a whole model that was trained is a model like any other
        return
    for model in {id(each): each for each in (t5, applied)}.values():
        with pytest.raises(PeftClassroomError) as error:
            apply_method(model, LoraConfig())
        assert f"already has {method_label(config)}" in str(error.value)


@every_config
def test_what_is_no_t5_is_told(config):
    with pytest.raises(PeftClassroomError, match="this model is a Linear"):
        apply_method(torch.nn.Linear(2, 2), config, PROMPT_IDS)


def test_one_text_is_one_text(backbone):
    predictor = Predictor(backbone)
    (one,) = predictor.classify("the film was good")
    (same,) = predictor.classify(["the film was good"], None)
    assert one.probability_positive == same.probability_positive


def test_a_shipped_checkpoint_is_loaded_by_its_name():
    from peft_core import load_backbone

    tiny = load_backbone("tiny-t5")
    model, record = load_checkpoint("lora-8", tiny)
    assert record.method == LoraConfig() and not model.training
    with pytest.raises(PeftClassroomError, match="no checkpoint 'lora-80'"):
        load_checkpoint("lora-80", tiny)
    with pytest.raises(PeftClassroomError, match="no checkpoint 'lora-80'"):
        Predictor(tiny).classify("Good.", "lora-80")


def test_a_method_by_its_name_and_a_bad_value_in_a_sentence():
    assert RunConfig(method="lora").method == LoraConfig()
    for build, said in (
        (lambda: RunConfig(method="lara"), "method: input tag 'lara'"),
        (lambda: LoraConfig(r=0), "r: input should be greater than or equal to 1 (given: 0)."),
        (lambda: TrainConfig(epoch=3), "epoch: extra inputs are not permitted."),
        (lambda: RunConfig(method=LoraConfig(), data=DataConfig(max_length=17)), "max_length: input should be"),
    ):
        with pytest.raises(PeftClassroomError) as error:
            build()
        assert str(error.value).startswith(said)


def test_an_occupied_folder_is_told_before_anything_is_loaded(base_folder, tmp_path, monkeypatch):
    from peft_core.training import experiment

    monkeypatch.setattr(experiment, "Experiment", lambda config: pytest.fail("loaded"))
    config = RunConfig(base=str(base_folder), method="lora")
    (tmp_path / "checkpoint").mkdir()
    with pytest.raises(PeftClassroomError, match="exists already"):
        next(run_experiment(config, str(tmp_path)))
    (tmp_path / "file").write_text("")
    with pytest.raises(PeftClassroomError, match="cannot be written"):
        next(run_experiment(config, str(tmp_path / "file" / "run")))
