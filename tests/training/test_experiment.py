"""A run learns, repeats itself, stops, goes on, and keeps its best weights."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from peft_core.checkpoints.files import load_checkpoint
from peft_core.checkpoints.run_json import read_record
from peft_core.checkpoints.stored_answers import stored_test
from peft_core.config import RunConfig, TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods import trainable_tensors
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.reviews.config import DataConfig
from peft_core.statistics.intervals import wilson
from peft_core.training import measuring
from peft_core.training.evaluate import evaluate_checkpoint
from peft_core.training.experiment import STATE, Experiment, run_experiment
from peft_core.training.measuring import accuracy
from tests.cases import CASES, every_config
from tests.trained import as_measuring

pytestmark = pytest.mark.usefixtures("easy_reviews")


@pytest.fixture
def make_config(base_folder):
    def make(method, **train) -> RunConfig:
        settings = {"epochs": 5, "batch_size": 16, "learning_rate": 0.02, "evaluations": 3} | train
        data = DataConfig(train_size=240, validation_size=80, max_length=16)
        return RunConfig(base=str(base_folder), method=method, data=data, train=TrainConfig(**settings))

    return make


class After:
    """A wish that comes up after so many steps."""

    def __init__(self, step):
        self.step, self.wished = step, False

    def __call__(self):
        return self.wished


def finish(run, *wishes):
    """Everything that happened but the batches that were measured, and the summary."""
    logs = []
    while True:
        try:
            log = next(run)
        except StopIteration as stop:
            return logs, stop.value
        for wish in wishes:
            wish.wished |= log.event == "step" and log.step == wish.step
        if log.event != "measuring":
            logs.append(log)


@pytest.mark.parametrize("name", ["full", "adapter-pfeiffer", "lora-all", "soft_prompt-random"])
def test_a_run_learns_and_publishes_what_it_measured(make_config, backbone, two_threads, tmp_path, name):
    rate = {"full": 0.01, "soft_prompt-random": 0.3}.get(name, 0.03)
    config = make_config(CASES[name], learning_rate=rate)
    logs, summary = finish(run_experiment(config, tmp_path / "run"))
    losses = [log.train_loss for log in logs if log.event == "step"]
    assert len(losses) == 5 * 15 == logs[-1].total_steps
    assert np.mean(losses[-15:]) < 0.75 * np.mean(losses[:15])
    assert [log.event for log in logs[:2]] == ["start", "validation"]
    assert logs[0].device
    record = read_record(tmp_path / "run" / "checkpoint")
    assert record.test.accuracy == summary["test_accuracy"] == logs[-1].accuracy
    if name != "soft_prompt-random":  # a prompt on a random backbone has little to work with
        assert record.test.low > record.untrained.accuracy
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["checkpoint"]
    again = evaluate_checkpoint(tmp_path / "run" / "checkpoint", "test", None)
    assert again.accuracy == record.test.accuracy
    positive, labels = stored_test(record, measuring.load_splits("bundled"))
    assert accuracy(positive, labels).accuracy == record.test.accuracy
    load_checkpoint(tmp_path / "run" / "checkpoint", backbone)


@every_config
def test_the_same_seed_replays_the_same_run(make_config, config):
    config = make_config(config, epochs=1, backbone_dropout=0.1, batch_size=48, evaluations=1)
    data = config.data.model_copy(update={"train_size": 96, "validation_size": 20})
    config, weights = config.model_copy(update={"data": data}), []
    for _ in range(2):
        run = Experiment(config)
        list(run.trainer.run())
        weights.append(trainable_tensors(run.model))
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.parametrize("name", ["full", "lora"])
def test_a_stopped_run_goes_on_to_the_very_same_weights(make_config, tmp_path, name):
    config = make_config(CASES[name], epochs=2, backbone_dropout=0.1)
    stop = After(17)
    _, nothing = finish(run_experiment(config, tmp_path / "a", stop), stop)
    assert nothing is None
    assert (tmp_path / "a" / STATE).exists()
    assert not (tmp_path / "a" / "checkpoint").exists()
    logs, _ = finish(run_experiment(config, tmp_path / "a"))
    assert logs[0].step == 17
    finish(run_experiment(config, tmp_path / "b"))
    records = [read_record(tmp_path / x / "checkpoint") for x in "ab"]
    assert records[0].validations == records[1].validations
    assert records[0].test == records[1].test
    weights = "model.safetensors" if name == "full" else "adapter_model.safetensors"
    assert (tmp_path / "a" / "checkpoint" / weights).read_bytes() == (
        tmp_path / "b" / "checkpoint" / weights
    ).read_bytes()


@pytest.mark.parametrize("name", ["full", "lora"])
def test_noting_the_test_accuracy_changes_nothing_else(make_config, tmp_path, name):
    """The published weights are the same to the bit, stopped and resumed or not, whether the test is noted or not."""
    plain = make_config(CASES[name], epochs=2, backbone_dropout=0.1, batch_size=48)
    noting = plain.model_copy(update={"train": plain.train.model_copy(update={"test_curve": True})})
    finish(run_experiment(plain, tmp_path / "plain"))
    finish(run_experiment(noting, tmp_path / "noting"))
    stop = After(7)
    finish(run_experiment(noting, tmp_path / "stopped", stop), stop)
    finish(run_experiment(noting, tmp_path / "stopped"))
    folders = [tmp_path / folder / "checkpoint" for folder in ("plain", "noting", "stopped")]
    assert len({next(folder.glob("*.safetensors")).read_bytes() for folder in folders}) == 1
    without, *records = map(read_record, folders)
    assert without.test_curve is None
    for record in records:
        assert (record.validations, record.best_step, record.test) == (
            without.validations, without.best_step, without.test,
        )  # fmt: skip
        assert record.test_curve == records[0].test_curve
        assert [step for step, _ in record.test_curve] == [step for step, _ in record.validations]
        assert dict(record.test_curve)[record.best_step] == pytest.approx(record.test.accuracy, abs=2 / record.test.n)


def test_the_clock_stands_still_while_the_test_split_is_measured(make_config, monkeypatch):
    """A clock that only validating (1 s), testing (1,000 s) and a step (1/100 s) move."""
    now = 0.0

    def costs(seconds, function):
        def timed(*arguments):
            nonlocal now
            now += seconds
            return function(*arguments)

        return timed

    config = make_config(LoraConfig(), epochs=2, test_curve=True, max_seconds=300)
    trainer = Experiment(config).trainer
    monkeypatch.setattr("peft_core.training.loop.clock.time.monotonic", lambda: now)
    trainer.validate, trainer.measure_test = costs(1, trainer.validate), costs(1000, trainer.measure_test)
    trainer.take_step = costs(0.01, trainer.take_step)
    logs = list(trainer.run())
    assert trainer.step == trainer.full_steps == 30  # max_seconds did not see it either
    assert now > 4000
    assert trainer.clock.seconds == logs[-1].seconds == pytest.approx(4 * 1 + 30 * 0.01)


def test_a_run_stopped_after_its_last_step_does_not_validate_twice(make_config, tmp_path):
    config = make_config(LoraConfig(), epochs=1)
    first = Experiment(config)
    list(first.trainer.run())
    first.save_state(tmp_path / STATE)  # as a process leaves it that was killed while it tested
    again = Experiment(config)
    again.load_state(tmp_path / STATE)
    assert list(again.trainer.run()) == []
    assert again.trainer.validations == first.trainer.validations
    assert again.trainer.finished


def test_a_state_from_before_a_setting_existed_is_taken_up(make_config, tmp_path):
    config, state = make_config(LoraConfig(), epochs=1), tmp_path / "a" / STATE
    finish(run_experiment(config, tmp_path / "a", lambda: True))
    with safe_open(state, "pt") as file:
        meta = file.metadata()
    older, data = json.loads(meta["config"]), json.loads(meta["state"])
    assert older["train"].pop("test_curve") is False
    assert data.pop("tests") == []
    save_file(load_file(state), state, {"state": json.dumps(data), "config": json.dumps(older)})
    _, summary = finish(run_experiment(config, tmp_path / "a"))
    assert summary["test_accuracy"] > 0


def test_a_state_is_not_taken_up_with_other_settings(make_config, tmp_path):
    finish(run_experiment(make_config(LoraConfig()), tmp_path / "a", lambda: True))
    with pytest.raises(PeftClassroomError, match="other settings"):
        finish(run_experiment(make_config(LoraConfig(r=2)), tmp_path / "a"))


def test_a_damaged_state_is_told_with_its_name(make_config, tmp_path):
    config, state = make_config(LoraConfig(), epochs=1), tmp_path / STATE
    experiment = Experiment(config)
    experiment.save_state(state)
    whole = state.read_bytes()
    tensors = {name: tensor.clone() for name, tensor in load_file(state).items()}  # not a view of the file
    with safe_open(state, "pt") as file:
        meta = file.metadata()
    state.write_bytes(b"garbage")
    damaged = [state.read_bytes(), whole[:-1]]
    for about, held in (
        (None, tensors),
        (meta | {"config": "{}"}, tensors),
        (meta | {"state": "{"}, tensors),
        (meta, {}),
    ):
        save_file(held, state, about)
        damaged.append(state.read_bytes())
    for content in damaged:
        state.write_bytes(content)
        with pytest.raises(PeftClassroomError, match=r"state\.safetensors is damaged .* Remove it"):
            experiment.load_state(state)


def test_the_best_validation_is_kept(make_config):
    run = Experiment(make_config(LoraConfig(), epochs=1))
    measured = iter([0.5, 0.9, 0.6, 0.6])
    seen = []

    def validate():
        seen.append({n: p.detach().clone() for n, p in trainable_tensors(run.model).items()})
        return wilson(round(100 * next(measured)), 100)

    run.trainer.validate = as_measuring(validate)
    list(run.trainer.run())
    assert run.trainer.best_validation[1].accuracy == 0.9
    kept = trainable_tensors(run.model)
    assert all(torch.equal(kept[name], seen[1][name]) for name in kept)
    assert any(not torch.equal(kept[name], seen[3][name]) for name in kept)


def test_time_runs_out(make_config, tmp_path):
    logs, summary = finish(run_experiment(make_config(LoraConfig(), epochs=50, max_seconds=0.5), tmp_path / "run"))
    record = read_record(tmp_path / "run" / "checkpoint")
    assert record.stopped_by == "max_seconds"
    assert 0 < record.steps < record.planned_steps == 50 * 15
    assert summary["test_accuracy"] == logs[-1].accuracy


def test_a_loss_that_is_no_number_ends_the_run_with_a_sentence(make_config):
    run = Experiment(make_config(FullConfig(), learning_rate=10))
    with torch.no_grad():
        next(iter(run.model.parameters()))[:] = float("inf")
    with pytest.raises(PeftClassroomError, match="lower learning rate"):
        list(run.trainer.run())


def test_state_is_plain_data_and_tensors(make_config, tmp_path):
    run = Experiment(make_config(LoraConfig(), epochs=1))
    list(run.trainer.run())
    _, data = run.trainer.state()
    assert json.loads(json.dumps(data)) == data
