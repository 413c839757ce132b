"""Snapshots hold what trains, stay within their budget, and follow a run that is stopped and goes on."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save

from peft_core.config import RunConfig, TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods import apply_method, trainable_tensors
from peft_core.methods.inside import At, hooks, kind_of
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.places import places
from peft_core.methods.registry import METHODS
from peft_core.reviews.config import DataConfig
from peft_core.statistics.intervals import wilson
from peft_core.t5.architecture import base_model
from peft_core.t5.backbone import build_on_meta
from peft_core.training.experiment import run_experiment
from peft_core.training.loop.masters import Masters
from peft_core.training.snapshots import moments
from peft_core.training.snapshots.camera import Camera, form_of, pictures_of
from peft_core.training.snapshots.moments import BUDGET, CELLS, FOLDER, POINTS, SIGMAS, list_moments
from peft_core.training.snapshots.pictures import chosen, image
from peft_core.training.snapshots.reading import read_pictures, read_tensors
from tests.cases import every_config
from tests.trained import apply, train_a_little


def a_camera(folder, backbone, model, config, validated=((0, 10),)):
    """Before a model that nobody trains: what a camera asks of an experiment, and no more."""
    trainer = SimpleNamespace(
        weights=Masters(trainable_tensors(model)),
        validations=[(step, wilson(right, 20)) for step, right in validated],
        step=validated[-1][0],
        validates_next=False,
    )
    run = RunConfig(base=backbone.base.name, method=config)
    return Camera(folder, SimpleNamespace(trainer=trainer, config=run, backbone=backbone))


@every_config
def test_a_snapshot_holds_all_that_trains_and_the_accuracy_measured_until_then(backbone, batch, tmp_path, config):
    model = apply(backbone, config)
    camera = a_camera(tmp_path, backbone, model, config)
    camera.take(0, 9)
    before = {name: p.detach().clone() for name, p in trainable_tensors(model).items()}
    train_a_little(model, batch)
    camera.trainer.validations.append((3, wilson(15, 20)))
    camera.take(4, 9)
    found = list_moments(tmp_path)
    assert not found.damaged
    assert [(m.step, m.planned_steps, m.measured_at, m.measured.accuracy) for m in found.moments] == [
        (0, 9, 0, 0.5), (4, 9, 3, 0.75),
    ]  # fmt: skip
    shapes = {name: tuple(p.shape) for name, p in before.items()}
    if METHODS[config.method].owns_weights:
        assert {m.form for m in found.moments} == {"pictures"}
        return
    assert {m.form for m in found.moments} == {"tensors"}
    for moment, wanted in zip(found.moments, (before, trainable_tensors(model)), strict=True):
        read = read_tensors(found, moment, shapes)
        assert all(torch.equal(read[name], wanted[name]) for name in wanted)  # so small a run is kept in fp32


def test_pictures_are_of_the_difference_that_numpy_computes(backbone, batch, tmp_path):
    config = METHODS["full"].config()
    model = apply(backbone, config)
    train_a_little(model, batch)
    a_camera(tmp_path, backbone, model, config).take(0, 9)
    found = list_moments(tmp_path)
    before = {name: p for name, p in backbone.model.named_parameters()}
    read = read_pictures(
        found, found.moments[0], {n.removesuffix(".weight"): tuple(p.shape) for n, p in before.items()}
    )
    assert read.keys() == {place.name for place in chosen(places(backbone.base.architecture, config))}
    for name, picture in read.items():
        now = dict(model.named_parameters())[f"{name}.weight"].detach().double().numpy()
        delta = now - before[f"{name}.weight"].double().numpy()
        assert picture.shape == delta.shape
        assert picture.norm == pytest.approx(np.linalg.norm(delta), rel=1e-5)
        exact = np.linalg.svd(delta, compute_uv=False)[:SIGMAS]
        np.testing.assert_allclose(picture.sigmas, exact, atol=1e-3 * exact[0])
        np.testing.assert_array_equal(picture.image, delta.astype(np.float32))  # smaller than the picture may be


def test_an_image_shows_the_largest_number_of_each_block_with_its_sign():
    matrix = torch.zeros(2 * CELLS, 3 * CELLS)
    matrix[5, 100], matrix[4, 101] = -3.0, 2.0  # both in block (2, 33)
    matrix[-1, 0] = 1.5
    found = image(matrix)
    assert found.shape == (CELLS, CELLS)
    assert (found[2, 33], found[-1, 0], found.count_nonzero()) == (-3.0, 1.5, 2)


@pytest.mark.parametrize(
    ("config", "form"),
    [
        (LoraConfig(r=8), ("tensors", False)),
        (LoraConfig(r=128), ("tensors", True)),
        (LoraConfig(r=1024, target_modules=("q", "k", "v", "o", "wi", "wo")), ("pictures", False)),
        (METHODS["adapter"].config(bottleneck_dim=4096), ("nothing", False)),
        (METHODS["full"].config(), ("pictures", False)),
    ],
    ids=["r8", "r128", "r1024", "wide adapter", "full"],
)
def test_ten_moments_of_any_run_fit_into_the_budget_or_less_is_kept_of_each(config, form):
    weights = trainable_tensors(apply_method(build_on_meta(base_model("tiny-t5").architecture), config))
    assert form_of(config, weights) == form


def test_many_large_moments_make_room_and_stay_spread_over_the_run(tmp_path):
    content = bytes(BUDGET // 6)
    for step in range(40):
        moments.write(tmp_path, step, content)
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= BUDGET
    kept = moments.steps_in(tmp_path)
    assert (kept[0], kept[-1]) == (0, 39)
    assert len(kept) >= 5 and max(np.diff(kept)) <= 2 * 39 / len(kept)
    moments.rewind(tmp_path, 20)
    assert max(moments.steps_in(tmp_path)) <= 20 and moments.steps_in(tmp_path)[0] == 0
    moments.rewind(tmp_path, None)
    assert list(tmp_path.iterdir()) == []


def test_a_runs_folder_that_has_gone_does_not_come_back_with_a_snapshot(tmp_path):
    with pytest.raises(PeftClassroomError, match="cannot be written"):
        moments.write(tmp_path / "runs" / "gone" / moments.FOLDER, 0, b"bytes")
    assert list(tmp_path.iterdir()) == []


def test_what_a_snapshot_with_pictures_would_show_of_lora_is_its_delta(backbone, batch):
    """Of an update too large to be kept: the same ΔW as the layer's own."""
    config = LoraConfig(r=2, use_dora=True)
    model = apply(backbone, config)
    train_a_little(model, batch)
    now = {name: p.detach() for name, p in trainable_tensors(model).items()}
    base = dict(backbone.model.named_parameters())
    made = pictures_of(config, backbone.base.architecture, now, base)
    for place in chosen(places(backbone.base.architecture, config)):
        at = At(place, config, backbone.base.architecture, now, base)
        own = model.get_submodule(place.name).delta_weight()
        torch.testing.assert_close(hooks(config).update(at), own)
        torch.testing.assert_close(made[f"{place.name}.norm"], own.norm())


def test_a_method_without_a_picture_has_none_and_not_anothers(monkeypatch):
    method = METHODS["lora"]
    monkeypatch.setattr(type(method), "optional", lambda self, module: None)
    assert kind_of(LoraConfig()) is None
    assert form_of(LoraConfig(), {"a": torch.empty(10_000_000, device="meta")}) == ("nothing", False)


# ---------------------------------------------------------------------------------------------------------------------
# Damaged files are told


def damaged(name, tensors, metadata):
    """(what a person is told, the file's bytes)"""
    if name == "cut off":
        return "damaged", save(tensors, metadata)[:-7]
    if name == "no moment":
        return "damaged", save(tensors)
    if name == "another step":
        return "says that it is of step 0", save(tensors, metadata)
    if name == "empty":
        return "damaged", b""
    first = next(iter(tensors))
    metadata = {"moment": metadata["moment"].replace('"step":0', '"step":5')}
    changed = {
        "missing": ({n: t for n, t in tensors.items() if n != first}, "missing or too many"),
        "misshapen": (tensors | {first: tensors[first].flatten()}, "has shape"),
        "not finite": (tensors | {first: tensors[first] * float("nan")}, "not finite"),
        "integers": (tensors | {first: tensors[first].to(torch.int8)}, "not finite"),
    }
    return changed[name][1], save(changed[name][0], metadata)


@pytest.mark.parametrize(
    "name", ["cut off", "no moment", "another step", "empty", "missing", "misshapen", "not finite", "integers"]
)
def test_a_damaged_snapshot_is_told_and_the_others_are_still_there(backbone, tmp_path, name):
    config = LoraConfig(r=2)
    model = apply(backbone, config)
    a_camera(tmp_path, backbone, model, config).take(0, 9)
    (path,) = tmp_path.iterdir()
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    told, content = damaged(name, load_file(path), metadata)
    moments.file_of(tmp_path, 5).write_bytes(content)
    found = list_moments(tmp_path)
    shapes = {n: tuple(p.shape) for n, p in trainable_tensors(model).items()}
    assert found.moments[0].step == 0
    read_tensors(found, found.moments[0], shapes)
    if len(found.moments) == 2:
        with pytest.raises(PeftClassroomError, match=told):
            read_tensors(found, found.moments[1], shapes)
    else:
        assert len(found.damaged) == 1 and told in found.damaged[0]


# ---------------------------------------------------------------------------------------------------------------------
# With a run


@pytest.mark.usefixtures("easy_reviews")
def test_a_run_has_ten_moments_and_its_validations_and_one_that_stops_and_goes_on_has_the_same(base_folder, tmp_path):
    train = TrainConfig(epochs=2, batch_size=16, learning_rate=0.02, evaluations=4, backbone_dropout=0.1)
    data = DataConfig(train_size=240, validation_size=80, max_length=16)
    config = RunConfig(base=str(base_folder), method=LoraConfig(r=2), data=data, train=train)
    list(run_experiment(config, tmp_path / "whole", snapshots=True))
    whole = list_moments(tmp_path / "whole" / FOLDER)
    steps = [moment.step for moment in whole.moments]
    assert not whole.damaged
    assert (steps[0], steps[-1]) == (0, 30)
    assert {0, 8, 15, 23, 30} <= set(steps), "every validation"
    assert POINTS <= len(steps) <= POINTS + 4
    assert max(np.diff(steps)) <= 4, "spread over the run"
    assert all(m.measured_at == max(s for s in (0, 8, 15, 23, 30) if s <= m.step) for m in whole.moments)

    left = iter(range(1000))
    list(run_experiment(config, tmp_path / "stopped", lambda: next(left) >= 17, snapshots=True))
    beyond = moments.file_of(tmp_path / "stopped" / FOLDER, 25)
    beyond.write_bytes(b"of a process that died after it had saved its state")
    list(run_experiment(config, tmp_path / "stopped", snapshots=True))
    assert not beyond.exists() or beyond.stat().st_size > 100
    for step in steps:
        one, other = (load_file(moments.file_of(tmp_path / run / FOLDER, step)) for run in ("whole", "stopped"))
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert moments.steps_in(tmp_path / "stopped" / FOLDER) == steps
