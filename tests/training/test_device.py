"""Which device and precision is used, and what differs by it; a run in fp16, in parts, and stopped, is the same run."""

import pytest
import torch

from peft_core.checkpoints.run_json import read_record
from peft_core.config import RunConfig, TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods import trainable_tensors
from peft_core.methods.lora.method import LoraConfig
from peft_core.reviews.config import DataConfig
from peft_core.t5.backbone import label_logits
from peft_core.t5.fused import FUSED
from peft_core.training import device as of_device
from peft_core.training.continuing import began_in
from peft_core.training.device import (
    KINDS,
    Accelerator,
    Cuda,
    by_speed,
    compute_dtype,
    describe,
    pick_device,
    place,
    precision_name,
    speeds,
)
from peft_core.training.experiment import STATE, Experiment, run_experiment
from peft_core.training.loop import room
from peft_core.training.loop.compiling import compile_if_asked

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
BF16, FP16, FP32 = torch.bfloat16, torch.float16, torch.float32
NOTHING = {"PEFT_DEVICE", "PEFT_PRECISION", "PEFT_COMPILE"}


@pytest.fixture(autouse=True)
def nothing_asked(monkeypatch):
    for name in NOTHING:
        monkeypatch.delenv(name, raising=False)


def of(number: int):
    kind = Cuda()
    kind.number = lambda: number
    return kind


@pytest.mark.parametrize(
    ("asked", "gpus", "found"),
    [
        ("", 0, "cpu"), ("auto", 0, "cpu"), ("auto", 1, "cuda"), (" AUTO ", 2, "cuda"), ("cpu", 2, "cpu"),
        ("cuda", 1, "cuda"), ("cuda:1", 2, "cuda:1"), ("mps", 0, "mps"),
    ],
)  # fmt: skip
def test_the_device_is_the_one_that_is_asked_for(monkeypatch, asked, gpus, found):
    monkeypatch.setenv("PEFT_DEVICE", asked)
    monkeypatch.setitem(KINDS, "cuda", of(gpus))
    monkeypatch.setitem(KINDS, "mps", of(1))  # auto never takes it
    assert pick_device() == torch.device(found)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("gpu", "'gpu'. Choose auto, cpu"), ("cuda:x", "'cuda:x'"), ("cuda:2", "torch finds 2 of this kind"),
        ("mps", "none of this kind"), ("tpu" * 400, "tputpu"),
    ],
)  # fmt: skip
def test_a_device_that_is_none_or_not_here_is_told(monkeypatch, asked, says):
    monkeypatch.setenv("PEFT_DEVICE", asked)
    monkeypatch.setitem(KINDS, "cuda", of(2))
    monkeypatch.setitem(KINDS, "mps", of(0))
    with pytest.raises(PeftClassroomError, match="PEFT_DEVICE") as told:
        pick_device()
    assert says in str(told.value) and len(str(told.value)) < 200


@pytest.mark.parametrize(
    ("bf16", "fp16", "fp32", "chosen"),
    [
        (600.0, 620.0, 50.0, BF16),  # as on cards from A100 on
        (2.0, 40.0, 6.0, FP16),  # as a T4 has it, where bf16 is emulated
        (0.0, 40.0, 6.0, FP16),  # where there is no product in bf16 at all
        (5.0, 5.5, 5.0, FP32), (0.0, 0.1, 8.0, FP32), (10.0, 14.0, 4.0, BF16),
    ],
)  # fmt: skip
def test_the_precision_is_the_one_that_is_fast(monkeypatch, bf16, fp16, fp32, chosen):
    measured = {FP32: fp32, BF16: bf16, FP16: fp16}
    assert by_speed(measured) == chosen
    monkeypatch.setattr(of_device, "speeds", lambda device: measured)
    assert compute_dtype(CUDA) == chosen


def test_a_gpu_that_cannot_multiply_is_told(monkeypatch):
    def fails(device):
        raise RuntimeError("CUDA error: no kernel image is available\nmore")

    monkeypatch.setattr(of_device, "speeds", fails)
    monkeypatch.setattr(Cuda, "words", lambda self, device: "GPU: old")
    with pytest.raises(PeftClassroomError, match=r"GPU: old cannot multiply .*no kernel image.*PEFT_DEVICE=cpu"):
        compute_dtype(CUDA)


def test_the_cpu_goes_by_its_flags_and_is_asked_nothing(monkeypatch):
    monkeypatch.setattr(of_device, "speeds", lambda device: pytest.fail("measured"))
    for flags, wanted in (({"avx512_bf16": True}, BF16), ({"amx_bf16": True}, BF16), ({"avx2": True}, FP32)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda flags=flags: flags)
        assert compute_dtype(CPU) == wanted
    monkeypatch.setenv("PEFT_PRECISION", "float16")
    assert precision_name(compute_dtype(CPU)) == "float16"
    monkeypatch.setenv("PEFT_PRECISION", "int8")
    with pytest.raises(PeftClassroomError, match="Choose auto, float32, bfloat16, float16"):
        compute_dtype(CPU)


def test_speeds_are_measured_in_turn_and_what_is_emulated_once(monkeypatch):
    asked = []
    took = {FP32: 0.01, BF16: 0.5, FP16: None}
    monkeypatch.setattr(of_device, "_product", lambda device, dtype: asked.append(dtype) or took[dtype])
    speeds.cache_clear()
    found = speeds(CPU)
    speeds.cache_clear()
    assert found == {FP32: 2 * 1024**3 / 0.01, BF16: 2 * 1024**3 / 0.5, FP16: 0.0}
    assert [asked.count(dtype) for dtype in (FP32, BF16, FP16)] == [6, 2, 1]
    assert of_device.speeds.__wrapped__ and describe(CPU).startswith("CPU: ")


# ---------------------------------------------------------------------------------------------------------------------
# torch.compile


class Compiled(torch.nn.Module):
    def compile(self):
        self._compiled_call_impl = lambda: None


def test_nothing_is_compiled_unless_asked_and_a_failure_goes_on_without(monkeypatch):
    model, tried = Compiled(), []
    trial = lambda: tried.append(model._compiled_call_impl)  # noqa: E731
    assert compile_if_asked(model, CUDA, trial) is None and not tried
    monkeypatch.setenv("PEFT_COMPILE", "1")
    assert "goes on without" in compile_if_asked(model, CPU, trial) and not tried
    assert compile_if_asked(model, CUDA, trial) is None
    assert len(tried) == 1 and model._compiled_call_impl is tried[0] is not None

    def fails():
        raise ImportError("no module named triton\nand more")

    assert compile_if_asked(model, CUDA, fails).startswith("torch.compile failed (no module named triton).")
    assert model._compiled_call_impl is None
    monkeypatch.setenv("PEFT_COMPILE", "yes")
    with pytest.raises(PeftClassroomError, match="Choose 1, or 0"):
        compile_if_asked(model, CUDA, trial)


# ---------------------------------------------------------------------------------------------------------------------
# How many rows there is memory for


class Small(Accelerator):
    """The CPU, as if it were a GPU: steps do not wait for numbers, and the memory is that of so many rows."""

    attention, rows, free = "eager", 10**6, None

    def there(self, values, device):
        return values

    def words(self, device):
        return "GPU: a small one"

    def number(self):
        return 1

    def free_bytes(self, device):
        return self.free

    def dtype(self, device):
        return FP32


def test_fewer_rows_where_less_is_free_and_none_too_few(monkeypatch, backbone):
    model, small = backbone.replica(), Small()
    monkeypatch.setitem(KINDS, "cpu", small)
    assert room.parts_for(model, CPU, 32, 64) == 1
    each = room.row_bytes(model, 64, training=True)
    found = []
    for rows in (100, 32, 31, 16, 5, 1, 0):
        small.free = round(rows * each / room.SHARE) + 1
        found.append(room.parts_for(model, CPU, 32, 64))
    assert found == [1, 1, 2, 2, 7, 32, 32]
    small.free = 10**12
    assert room.evaluation_batch(model, CPU, 64) == Small.evaluation_rows
    small.free = round(100 * room.row_bytes(model, 64, training=False) / room.SHARE) + 1
    assert room.evaluation_batch(model, CPU, 64) == 64
    small.free = 0
    assert room.evaluation_batch(model, CPU, 64) == 1


def test_a_batch_that_is_computed_in_parts_from_the_start_is_said(config, small, monkeypatch):
    monkeypatch.setattr("peft_core.training.loop.step.parts_for", lambda *given: 3)
    assert [note[:60] for note in Experiment(config).trainer.notes] == [
        "GPU: a small one has no room for a whole batch of 8. The run"
    ]


# ---------------------------------------------------------------------------------------------------------------------
# Runs of an accelerator's kind, on the CPU


@pytest.fixture
def config(base_folder, easy_reviews) -> RunConfig:
    data = DataConfig(train_size=48, validation_size=10, test_size=10, max_length=16)
    train = TrainConfig(epochs=1, batch_size=8, learning_rate=0.02, evaluations=1)
    return RunConfig(base=str(base_folder), method=LoraConfig(r=2), data=data, train=train)


@pytest.fixture
def small(monkeypatch):
    """The CPU as a small GPU, whose memory is full at more than `rows` rows of a pass."""
    kind = Small()
    monkeypatch.setitem(KINDS, "cpu", kind)
    monkeypatch.setattr("peft_core.training.device.fuse", lambda model, device: model)
    inputs = of_device.inputs

    def checked(batch, device):
        if len(batch.rows) > kind.rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return batch_as_it_is(batch)

    def batch_as_it_is(batch):  # the plain attention takes a mask of two dimensions
        kind.reading_waits = False
        try:
            return inputs(batch, CPU)
        finally:
            kind.reading_waits = True

    monkeypatch.setattr("peft_core.training.loop.step.inputs", checked)
    monkeypatch.setattr("peft_core.training.measuring.inputs", checked)
    return kind


def trained(config, folder, stop_after=None):
    """(what was told, weights) of a run."""
    logs, stopped = [], []
    run = run_experiment(config, folder, lambda: bool(stopped))
    while True:
        try:
            log = next(run)
        except StopIteration:
            break
        logs += [log] if log.event != "measuring" else []
        stopped += [log] if log.event == "step" and log.step == stop_after else []
    found = next(iter((folder / "checkpoint").glob("*.safetensors")), None)
    return logs, found and found.read_bytes()


def test_losses_are_read_a_few_at_a_time_and_told_in_order(config, small, monkeypatch, tmp_path):
    read = []
    monkeypatch.setattr(small, "wait", lambda device: read.append(None), raising=False)
    config = config.model_copy(update={"train": config.train.model_copy(update={"epochs": 10})})
    monkeypatch.setattr("peft_core.training.loop.trainer.READINGS", 10)
    logs, _ = trained(config, tmp_path / "run")
    steps = [log for log in logs if log.event == "step"]
    assert [log.step for log in steps] == list(range(1, 61))
    assert len(read) == 5 + 60 // 6  # each of the first five, then every sixth of 60
    assert [log.event for log in logs if log.event != "step"] == ["start", "validation", "validation", "test"]


def test_without_memory_for_a_batch_it_is_computed_in_parts_and_comes_to_the_same(config, small, tmp_path):
    logs, _ = trained(config, tmp_path / "whole")
    small.rows = 3
    in_parts, _ = trained(config, tmp_path / "parts")
    notes = [log.said for log in in_parts if log.event == "note"]
    assert len(notes) == 1 and notes[0].startswith(
        "GPU: a small one had no memory left at step 0 for a whole batch of 8"
    )
    assert "computes 2 reviews at a time" in notes[0] and "A batch of 2 would fit" in notes[0]
    losses, again = ([log.train_loss for log in told if log.event == "step"] for told in (logs, in_parts))
    assert again == pytest.approx(losses, rel=1e-3)
    small.rows = 0
    with pytest.raises(PeftClassroomError, match="not enough free memory to measure a single review"):
        trained(config, tmp_path / "none")
    trainer = Experiment(config).trainer
    with pytest.raises(PeftClassroomError, match="not enough free memory for a single review of this run"):
        trainer.take_step(trainer.train_batches(0)[0])


@pytest.mark.parametrize("precision", ["float16"])
def test_a_stopped_run_goes_on_in_its_precision_its_parts_and_with_its_scale(
    config, small, monkeypatch, tmp_path, precision
):
    monkeypatch.setattr("peft_core.training.device.SCALE_GROWS_AFTER", 2)
    monkeypatch.setenv("PEFT_PRECISION", precision)
    small.rows = 4
    _, weights = trained(config, tmp_path / "whole")
    trained(config, tmp_path / "stopped", stop_after=3)
    state = tmp_path / "stopped" / STATE
    assert began_in(state, "cpu") == precision and began_in(state, "cuda") == ""
    monkeypatch.delenv("PEFT_PRECISION")  # what the state says counts
    monkeypatch.setattr(Small, "dtype", lambda self, device: BF16)
    again = Experiment(config, state=state)
    again.load_state(state)
    assert again.trainer.parts == 2
    assert again.trainer.scaler.is_enabled() == (precision == "float16")
    if precision == "float16":
        assert again.trainer.scaler.state_dict()["scale"] == 2.0 ** (14 + 1)
    logs, resumed = trained(config, tmp_path / "stopped")
    assert logs[0].step == 3
    assert resumed == weights
    assert read_record(tmp_path / "stopped" / "checkpoint").precision == precision


def test_in_fp16_products_are_in_fp16_weights_in_fp32_and_a_lost_step_moves_nothing(config, small, monkeypatch):
    monkeypatch.setenv("PEFT_PRECISION", "float16")
    experiment = Experiment(config)
    trainer = experiment.trainer
    assert {p.dtype for p in experiment.model.parameters()} == {FP32}
    seen = []
    layer = experiment.model.encoder.block[0].layer[0].SelfAttention.o
    layer.register_forward_hook(lambda module, given, made: seen.append(made.dtype))
    batch = trainer.train_batches(0)[0]
    before = {name: p.detach().clone() for name, p in trainable_tensors(experiment.model).items()}
    trainer.scaler.load_state_dict(trainer.scaler.state_dict() | {"scale": 2.0**120})
    loss, _ = trainer.take_step(batch)
    assert seen[-1] == FP16 and torch.isfinite(loss)
    assert all(torch.equal(p, before[name]) for name, p in trainable_tensors(experiment.model).items())
    assert trainer.scaler.state_dict()["scale"] == 2.0**119
    trainer.scaler.load_state_dict(trainer.scaler.state_dict() | {"scale": 2.0**14})
    trainer.take_step(batch)
    assert any(not torch.equal(p, before[name]) for name, p in trainable_tensors(experiment.model).items())


def test_what_moves_the_weights_in_fp16_is_the_gradient_without_its_scale(config, small, monkeypatch):
    config = config.model_copy(update={"train": config.train.model_copy(update={"max_grad_norm": 1000})})
    found = {}
    for precision in ("float32", "float16"):
        monkeypatch.setenv("PEFT_PRECISION", precision)
        trainer = Experiment(config).trainer
        trainer.take_step(trainer.train_batches(0)[0])
        found[precision] = torch.cat([weight.grad.flatten() for weight in trainer.weights.values()])
    wanted = found["float32"]
    assert 0.1 < wanted.norm() < config.train.max_grad_norm / 2  # it is not cut
    assert (found["float16"] - wanted).norm() < 0.05 * wanted.norm()


def test_losses_that_never_fit_in_fp16_end_the_run_and_one_does_not(config, small, monkeypatch):
    monkeypatch.setenv("PEFT_PRECISION", "float16")
    trainer = Experiment(config).trainer
    trainer.check_losses([1.0, float("nan"), 1.0], 0)
    trainer.check_losses([float("nan")] * 19, 3)
    with pytest.raises(PeftClassroomError, match=r"up to step 22: .*fp16.*PEFT_PRECISION=float32"):
        trainer.check_losses([float("inf")], 22)


def test_placing_leaves_the_shared_weights_where_they_are(backbone):
    before = backbone.model.shared.weight
    model = place(backbone.replica(), CPU, BF16)
    assert model.shared.weight.dtype == BF16 and model.lm_head.weight is model.shared.weight
    assert backbone.model.shared.weight is before and before.dtype == FP32


def test_in_fp16_no_module_is_fused_and_answers_are_those_of_fp32(backbone, batch):
    ids, mask = batch
    exact, half = (place(backbone.replica(), CPU, dtype).eval() for dtype in (FP32, FP16))
    assert {type(m) for m in half.modules()} & set(FUSED.values()) == set() != {type(m) for m in exact.modules()}
    with torch.inference_mode():
        wanted, found = (label_logits(model, ids, mask, backbone.label_ids) for model in (exact, half))
    assert found.dtype == FP32 and not torch.equal(found, wanted)
    torch.testing.assert_close(found, wanted, atol=0.02, rtol=0.02)
