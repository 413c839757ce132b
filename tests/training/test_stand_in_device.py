"""A run on a device of its own leaves no tensor behind and waits for nothing in a step; and a test of that can fail."""

import pytest
import torch
from safetensors.torch import load_file

from peft_core.checkpoints.asking.predictor import Predictor
from peft_core.checkpoints.run_json import read_record
from peft_core.config import RunConfig, TrainConfig
from peft_core.methods.registry import METHODS
from peft_core.reviews.batches import Batch
from peft_core.reviews.config import DataConfig
from peft_core.training import evaluate, experiment
from peft_core.training.device import place
from peft_core.training.experiment import Experiment, run_experiment
from peft_core.training.loop import gradients as of_gradients
from peft_core.training.loop import step as of_step
from peft_core.training.loop.step import Stepper
from peft_core.training.loop.trainer import Trainer
from tests.training.stand_in_device import STAND_IN, Kind, LeftBehindError, WaitingError, hurried, there

pytestmark = pytest.mark.usefixtures("easy_reviews")
EXAMPLES = {name: next(iter(method.examples.values())) for name, method in METHODS.items()}
STEPS = 6


@pytest.fixture
def make_config(base_folder):
    def make(method, **train) -> RunConfig:
        settings = {"epochs": 1, "batch_size": 8, "learning_rate": 0.02, "evaluations": 1} | train
        data = DataConfig(train_size=8 * STEPS, validation_size=10, test_size=10, max_length=16)
        return RunConfig(base=str(base_folder), method=method, data=data, train=TrainConfig(**settings))

    return make


@pytest.fixture
def steps_in_a_hurry(monkeypatch):
    take_step = Stepper.take_step

    def hurriedly(self, batch):
        with hurried():
            return take_step(self, batch)

    monkeypatch.setattr(Trainer, "take_step", hurriedly)


def finish(run):
    logs = []
    while True:
        try:
            logs.append(next(run))
        except StopIteration as end:
            return logs, end.value


@pytest.mark.parametrize("name", ["full", "lora", "soft_prompt"])  # of each kind of model one
def test_a_run_on_a_device_of_its_own_is_the_run_on_the_cpu(
    make_config, monkeypatch, tmp_path, backbone, steps_in_a_hurry, name
):
    """Train, evaluate, save, classify. Losses and weights are the CPU's but for rounding, as its forms are others."""
    config = make_config(EXAMPLES[name])
    monkeypatch.setattr(experiment, "compute_dtype", lambda device: torch.float32)
    monkeypatch.setattr(evaluate, "compute_dtype", lambda device: torch.float32)
    logs, losses, weights, accuracy = {}, {}, {}, {}
    for where in ("cpu", "there"):
        checkpoint = tmp_path / where / "checkpoint"
        if where == "cpu":
            logs[where], _ = finish(run_experiment(config, tmp_path / where))
            accuracy[where] = evaluate.evaluate_checkpoint(checkpoint, "test", 10)
        else:
            with there() as device:
                monkeypatch.setattr(experiment, "pick_device", lambda: device)
                monkeypatch.setattr(evaluate, "pick_device", lambda: device)
                logs[where], _ = finish(run_experiment(config, tmp_path / where, snapshots=True))
                accuracy[where] = evaluate.evaluate_checkpoint(checkpoint, "test", 10)
        steps = [log for log in logs[where] if log.event == "step"]
        assert [log.step for log in steps] == list(range(1, STEPS + 1))
        losses[where] = [log.train_loss for log in steps]
        weights[where] = load_file(next(checkpoint.glob("*.safetensors")))
        assert len(Predictor(backbone).classify("a good film", checkpoint)) == 1
    assert losses["there"] == pytest.approx(losses["cpu"], rel=1e-3)
    assert weights["there"].keys() == weights["cpu"].keys()
    for key, value in weights["cpu"].items():
        torch.testing.assert_close(weights["there"][key].float(), value.float(), atol=1e-2, rtol=1e-2)
    assert abs(accuracy["there"].accuracy - accuracy["cpu"].accuracy) <= 0.1
    record = read_record(tmp_path / "there" / "checkpoint")
    assert (record.device, record.precision, record.peak_bytes) == ("GPU: a stand-in", "float32", 12_345)
    assert read_record(tmp_path / "cpu" / "checkpoint").peak_bytes is None
    assert {m.name for m in (tmp_path / "there" / "snapshots").iterdir()} >= {"00000000.safetensors"}
    assert STAND_IN.operations["aten::_fused_adamw_"] == STEPS


@pytest.fixture
def one_step(make_config, monkeypatch):
    """A step on the device, in a hurry; what is left of it is not looked at."""

    def take(kind=None, method=EXAMPLES["lora"]):
        monkeypatch.setattr(experiment, "compute_dtype", lambda device: torch.float32)
        with there(kind) as device:
            monkeypatch.setattr(experiment, "pick_device", lambda: device)
            trainer = Experiment(make_config(method)).trainer
            trainer.model.train()
            with hurried():
                return trainer.take_step(trainer.train_batches(0)[0])

    return take


@pytest.mark.parametrize("config", EXAMPLES.values(), ids=EXAMPLES)
def test_a_step_waits_for_nothing_whatever_is_trained(one_step, config):
    loss, rate = one_step(method=config)
    assert isinstance(loss, torch.Tensor) and rate > 0
    assert STAND_IN.operations["aten::_fused_adamw_"] == 1


class _Unpinned(Kind):
    def there(self, values, device):
        return values.to(device)


FAULTS = {
    "the loss is read": (of_gradients, "number", lambda value: value.item(), WaitingError),
    "the loss is copied": (of_gradients, "number", lambda value: value.detach().cpu(), WaitingError),
    "the loss is a list": (of_gradients, "number", lambda value: value.tolist(), WaitingError),
    "the loss is a condition": (of_gradients, "number", lambda value: value if value > 0 else None, WaitingError),
    "the targets stay": (of_step, "on_device", lambda values, device: values, LeftBehindError),
    "a mask that the library looks into": (
        of_step,
        "inputs",
        lambda batch, device: tuple(of_step.on_device(x, device) for x in (batch.input_ids, batch.attention_mask)),
        WaitingError,
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_step_that_waits_or_leaves_a_tensor_behind_is_noticed(one_step, monkeypatch, fault):
    module, name, faulty, error = FAULTS[fault]
    monkeypatch.setattr(module, name, faulty)
    with pytest.raises(error):
        one_step()


def test_a_copy_that_is_waited_for_is_noticed(one_step):
    with pytest.raises(WaitingError, match="pinned"):
        one_step(_Unpinned())


def test_a_weight_left_behind_is_noticed(backbone):
    with there() as device:
        model = place(backbone.own_copy(), device, torch.float32)
        model.shared.weight = backbone.model.shared.weight
        ids = torch.zeros(1, 3, dtype=torch.long)
        batch = Batch(ids.numpy(), ids.numpy() + 1, ids[0].numpy())
        with pytest.raises(LeftBehindError):
            model.shared(of_step.inputs(batch, device)[0])
