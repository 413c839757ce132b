"""Sweeps turn one number each; answers are measured with tensors that are counted; a damaged file is refused."""

import sys
from typing import get_args

import pytest
import torch
from helpers.costs import BASE, here
from helpers.models import CONFIGS, TINY, make_record, trained

from benchmarks import growth
from benchmarks.growth import LONG, SHORT, Plan, spread
from peft_core.checkpoints.files import save_checkpoint
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.counting.by_hand import count
from peft_core.errors import PeftClassroomError
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import method_label, what_costs
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.report.costs.growth import (
    KNOBS,
    TRAINING_SWEEPS,
    TURNED,
    GrowthReport,
    ServingCost,
    ServingSweepName,
    TrainingSweep,
    alike,
    load_growth,
    nearest,
)
from peft_core.report.costs.measured import load_cost, write_report
from peft_core.t5.architecture import base_model

linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
SMALL = Plan(
    points={
        "rank": (1, 3), "bottleneck": (2, 5), "tokens": (1, 4), "length": (8, 16), "batch": (2, 4),
        "checkpoints": (1, 3), "reviews": (1, 4),
    },
    methods=("full", "lora"),
    batch=2,
    width=8,
    rounds=2,
)  # fmt: skip
TEXTS = ["a film", "the film was good", "bad", "a dull plot never funny", "it was very lively and not sad"]


@linux
@pytest.mark.parametrize("name", TRAINING_SWEEPS)
def test_every_point_of_a_training_sweep_is_the_setting_that_it_is_called(name):
    rows = list(growth.measure_training(here, BASE, SMALL, name))
    for row in rows:
        counted = count(TINY, row.method)
        assert row.trainable_parameters == counted.trainable_parameters  # numel() against the calculation by hand
        assert row.total_parameters == counted.total_parameters
        assert len(row.peak_bytes) == len(row.step_seconds) == SMALL.rounds
    method = KNOBS[name].name if name in KNOBS else "lora"
    assert [TURNED[name](row) for row in rows if row.method.method == method] == list(SMALL.points[name])
    still = {
        (row.width if name != "length" else 0, row.batch if name != "batch" else 0)
        for row in rows
    }  # fmt: skip
    assert len(still) == 1
    assert sum(isinstance(row.method, FullConfig) for row in rows) == (1 if name in KNOBS else 2)


@pytest.fixture(scope="module")
def infos(backbone, tmp_path_factory):
    root, ids = tmp_path_factory.mktemp("checkpoints"), torch.ones(3, 7, dtype=torch.long)
    made = []
    for name in ("full", "soft_prompt-vocab", "adapter-pfeiffer", "lora"):
        record = make_record(backbone, CONFIGS[name])
        save_checkpoint(trained(backbone, CONFIGS[name], (ids, ids)), record, backbone, root / name)
        made.append(CheckpointInfo(name=name, path=root / name, record=record, shipped=False))
    return made


@linux
@pytest.mark.parametrize("name", get_args(ServingSweepName))
def test_checkpoints_share_one_base_model_unless_they_are_fully_fine_tuned(base_folder, backbone, infos, name):
    rows = list(growth.measure_serving(here, base_model(str(base_folder)), SMALL, name, infos, TEXTS))
    shared = sum(t.numel() * t.element_size() for t in (*backbone.model.parameters(), *backbone.model.buffers()))
    for row in rows:
        own = 4 * count(TINY, row.method).trainable_parameters
        assert 0 <= row.tensor_bytes - shared - row.checkpoints * own <= 64 * row.checkpoints  # buffers
        assert len(row.resident_bytes) == len(row.seconds) == SMALL.rounds
        assert row.time > 0
    for info in infos:
        mine = [row for row in rows if row.method == info.record.config.method]
        assert [TURNED[name](row) for row in mine] == list(SMALL.points[name])


def test_reviews_are_spread_over_all_lengths():
    texts = ["x" * n for n in (7, 1, 5, 3, 9, 2, 8, 4, 6)]
    assert spread(texts, 1) == ["x" * 5]
    assert [len(text) for text in spread(texts, 3)] == [2, 5, 8]
    assert [len(text) for text in spread(texts, 9)] == list(range(1, 10))


@linux
def test_one_sweep_takes_its_place_and_leaves_the_others(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(growth, "LONG", SMALL)
    monkeypatch.setattr(growth, "BASE", "tiny-t5")
    monkeypatch.setattr(growth, "in_a_fresh_process", lambda preload, *work: here(*work))
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY"):  # put back afterwards
        monkeypatch.setenv(name, "1" if "THREADS" in name else "PASSIVE")
    path = tmp_path / "growth.json"
    options = ["--threads", "1", "--rounds", "1", "--json", str(path)]
    growth.main(["--only", "rank", *options])
    first = load_growth(path)
    growth.main(["--only", "tokens", *options])
    second = load_growth(path)
    assert second.sweep("rank") == first.sweep("rank")
    assert second.sweep("rank").provenance.command == "python -m benchmarks.growth --only rank --rounds 1 --threads 1"
    assert [row.method for row in second.sweep("tokens").rows] == [
        FullConfig(), SoftPromptConfig(num_virtual_tokens=1), SoftPromptConfig(num_virtual_tokens=4),
    ]  # fmt: skip
    assert second.sweep("length") is None
    assert "LoRA r=3" in capsys.readouterr().out
    path.write_text("{}}")
    with pytest.raises(PeftClassroomError, match="damaged"):  # what is there is never written over unread
        growth.main(["--only", "rank", *options])
    assert path.read_text() == "{}}"


def test_the_short_form_has_every_sweep_with_its_ends():
    assert SHORT.points.keys() == LONG.points.keys() == TURNED.keys()
    for points in (*LONG.points.values(), *SHORT.points.values()):
        assert list(points) == sorted(set(points))
        assert len(points) >= 2


# ---------------------------------------------------------------------------------------------------------------------
# The nearest setting


def rows_of(*methods):
    row = load_cost().training[0]
    return [row.model_copy(update={"method": method}) for method in methods]


def test_the_nearest_setting_differs_in_the_methods_own_number_alone():
    rows = rows_of(FullConfig(), LoraConfig(r=1), LoraConfig(r=8), LoraConfig(r=64), AdapterConfig())
    assert [row.method.r for row in alike(rows, LoraConfig(r=9))] == [1, 8, 64]
    for r, used in ((1, 1), (2, 1), (4, 8), (8, 8), (22, 8), (23, 64), (256, 64)):  # by factor
        assert nearest(rows, LoraConfig(r=r)).method.r == used
    assert nearest(rows, LoraConfig(r=8, target_modules=("q",))) is None
    assert nearest(rows, AdapterConfig(placement="houlsby")) is None
    assert nearest(rows, AdapterConfig(non_linearity="gelu")) is None
    assert nearest(rows, SoftPromptConfig()) is None
    assert nearest(rows, FullConfig()) is rows[0]


def test_what_changes_values_only_changes_no_cost():
    assert what_costs(LoraConfig(alpha=3)) == LoraConfig()
    assert what_costs(LoraConfig(r=4)) == LoraConfig(r=4)
    assert what_costs(SoftPromptConfig(prompt_init="random")) == SoftPromptConfig()
    for config in CONFIGS.values():
        assert count(TINY, what_costs(config)) == count(TINY, config)


# ---------------------------------------------------------------------------------------------------------------------
# What is shipped


def test_a_report_is_read_back_and_a_damaged_one_is_a_sentence(tmp_path):
    path = tmp_path / "growth.json"
    with pytest.raises(PeftClassroomError, match="missing"):
        load_growth(path)
    report = load_growth()
    write_report(report, path)
    assert load_growth(path) == report
    text = path.read_text()
    for odd in (text.replace('"peak_bytes"', '"peak"'), text.replace('"rank"', '"rang"'), text[:-9], "[]"):
        assert odd != text
        path.write_text(odd)
        with pytest.raises(PeftClassroomError, match="damaged"):
            load_growth(path)


def test_the_shipped_curves_have_every_point_and_count_what_they_say():
    report = load_growth()
    measured = [name for name in LONG.points if report.sweep(name)]  # of one that is not there the page says so
    assert measured
    for name in measured:
        sweep, points = report.sweep(name), LONG.points[name]
        for method in {row.method for row in sweep.rows if name not in KNOBS or row.method.method == KNOBS[name].name}:
            mine = alike(sweep.rows, method)
            assert [TURNED[name](row) for row in mine] == list(points), (name, method_label(method))
        for row in sweep.rows:
            served = isinstance(row, ServingCost)
            architecture = base_model(row.base if served else row.shape).architecture
            counted = count(architecture, row.method)
            again = f"{name}: the base model has changed, measure again: {sweep.provenance.command}"
            if served:
                whole = 4 * count(architecture, FullConfig()).total_parameters
                own = 4 * counted.trainable_parameters * row.checkpoints
                assert abs(row.tensor_bytes - whole - own) <= 64 * row.checkpoints, again
                assert row.resident > 0.9 * row.tensor_bytes
            else:
                assert row.trainable_parameters == counted.trainable_parameters, again
                assert row.total_parameters == counted.total_parameters, again
                assert row.rest > 0


def test_a_sweep_replaced_is_the_only_thing_that_changes():
    report = load_growth()
    name = next(iter(report.training))
    changed = TrainingSweep(provenance=report.training[name].provenance, rows=report.training[name].rows[:1])
    new = report.with_sweep(name, changed)
    assert new.sweep(name) == changed
    assert {k: v for k, v in new.training.items() if k != name} == {
        k: v for k, v in report.training.items() if k != name
    }
    assert new.serving == report.serving
    assert GrowthReport().with_sweep(name, changed).training == {name: changed}
