"""Hyper-parameters are chosen on validation; the test split is not read."""

import json

import pytest

from peft_core.config import RunConfig, TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.reviews.config import DataConfig
from peft_core.training import measuring
from peft_core.training.sweep import best, default_rates, grid, read_sweep, run_sweep

pytestmark = pytest.mark.usefixtures("easy_reviews")


class WithoutTest(dict):
    """Splits of which nobody may read the third."""

    def __getitem__(self, name):
        assert name != "test", "a sweep reads the test split"
        return super().__getitem__(name)


@pytest.fixture
def splits(monkeypatch):
    guarded = WithoutTest(measuring.load_splits("bundled"))
    monkeypatch.setattr(measuring, "load_splits", lambda source: guarded)
    return guarded


@pytest.fixture
def config(base_folder):
    data = DataConfig(train_size=48, validation_size=80, max_length=16)
    train = TrainConfig(epochs=2, batch_size=16, evaluations=2)
    return RunConfig(base=str(base_folder), method=LoraConfig(r=2), data=data, train=train)


def test_every_setting_is_tried_once_and_the_test_split_never(splits, config, tmp_path):
    out = tmp_path / "sweep.json"
    configs = grid(config, {"learning_rate": [1e-4, 3e-2]}, {"alpha": [2, 16]})
    started = []
    trials = run_sweep(configs, out, splits, lambda c, log: log.event == "start" or started.append(c))
    assert [trial.config for trial in trials] == configs == list(dict.fromkeys(started))
    assert all(trial.validation.split == "validation" and trial.validation.n == 80 for trial in trials)
    assert all(trial.validation.accuracy == max(a for _, a in trial.validations) for trial in trials)
    assert read_sweep(out).trials == tuple(trials)
    started.clear()
    more = grid(config, {"learning_rate": [1e-4, 3e-2, 1e-2]}, {"alpha": [2, 16]})
    again = run_sweep(more, out, splits, lambda c, log: started.append(c))
    assert set(started) == set(more) - set(configs)
    assert [t for t in again if t.config in configs] == trials
    assert best(again).validation.accuracy == max(t.validation.accuracy for t in again)


def test_a_stopped_sweep_goes_on_to_the_same_trials(splits, config, tmp_path):
    configs = grid(config, {"learning_rate": [1e-3, 3e-2]}, {})

    def untimed(trials):
        return [trial.model_copy(update={"seconds": 0, "created": ""}) for trial in trials]

    whole = run_sweep(configs, tmp_path / "whole.json", splits)
    out = tmp_path / "stopped.json"
    for wanted_steps in (1, 7):  # within the first trial, then within the second
        asked = iter(range(1000))
        part = run_sweep(configs, out, splits, should_stop=lambda asked=asked, n=wanted_steps: next(asked) > n)
        assert len(part) < len(configs)
    assert untimed(run_sweep(configs, out, splits)) == untimed(whole)


def test_a_rate_that_is_too_high_is_a_result_too(splits, config, tmp_path, monkeypatch):
    from peft_core.training.loop.trainer import Trainer

    def diverge(self, batch):
        raise PeftClassroomError("The training loss stopped being a number at step 3.")

    monkeypatch.setattr(Trainer, "take_step", diverge)
    (trial,) = trials = run_sweep(grid(config, {"learning_rate": [1]}, {}), tmp_path / "s.json", splits)
    assert trial.validation is None
    assert "stopped being a number" in trial.message
    assert best(trials) is None


def test_a_sweep_refuses_to_note_test_accuracies(splits, config, tmp_path):
    noting = config.model_copy(update={"train": config.train.model_copy(update={"test_curve": True})})
    with pytest.raises(PeftClassroomError, match="test split"):
        run_sweep([noting], tmp_path / "s.json", splits)


def test_the_grid_has_every_combination_and_rates_around_the_default(config):
    prompt = config.model_copy(update={"method": SoftPromptConfig(num_virtual_tokens=3)})
    configs = grid(prompt, {"weight_decay": ["0", "0.01"]}, {"prompt_init": ["vocab", "random"]})
    assert len(set(configs)) == len(default_rates(prompt.method)) * 4
    assert {c.learning_rate for c in configs} == set(default_rates(prompt.method)) == {0.03, 0.09, 0.3, 0.9}
    assert {c.method.num_virtual_tokens for c in configs} == {3}
    with pytest.raises(PeftClassroomError, match="alpha"):
        grid(prompt, {}, {"alpha": [8]})
    with pytest.raises(PeftClassroomError, match="learning_rate"):
        grid(prompt, {"learning_rate": ["fast"]}, {})


def test_the_command_says_which_is_best(run, splits, base_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("peft_core.reviews.splits.load_splits", lambda source: splits)
    out = tmp_path / "sweep.json"
    options = ["--base", base_folder, "--train-size", 48, "--validation-size", 80, "--max-length", 16, "--out", out]
    code, printed, error = run("sweep", "lora", *options, "--learning-rates", "1e-4,0.03", "--r", 2, "--json")
    assert code == 0, error
    data = json.loads(printed)
    assert [trial["learning_rate"] for trial in data["trials"]] == [1e-4, 0.03]
    assert data["best"]["validation"]["accuracy"] == max(t["validation"]["accuracy"] for t in data["trials"])
    code, printed, _ = run("sweep", "lora", *options, "--learning-rates", "1e-4,0.03", "--r", 2)
    assert (code, printed.count("best on validation")) == (0, 1)
    for wrong, sentence in ((("lora", "--prompt-inits", "vocab"), "prompt_init"), (("lra",), "Unknown method")):
        code, printed, error = run("sweep", *wrong, *options)
        assert (code, printed, error.count("\n")) == (2, "", 1)
        assert sentence in error
