"""Sweeps turn one number each; answers are measured with tensors that are counted."""

import sys
from typing import get_args

import pytest
import torch

from benchmarks import growth
from benchmarks.growth import LONG, SHORT, Plan, spread
from peft_core.checkpoints.files import save_checkpoint
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.counting.by_hand import count
from peft_core.errors import PeftClassroomError
from peft_core.methods.full.method import FullConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.report.costs.growth import (
    KNOBS,
    TRAINING_SWEEPS,
    TURNED,
    ServingSweepName,
    load_growth,
)
from peft_core.t5.architecture import base_model
from tests.benchmarks.test_cost import BASE, here
from tests.cases import CASES, TINY
from tests.trained import make_record, trained

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
        record = make_record(backbone, CASES[name])
        save_checkpoint(trained(backbone, CASES[name], (ids, ids)), record, backbone, root / name)
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
def test_one_sweep_takes_its_place_and_leaves_the_others(monkeypatch, tmp_path, capsys, base_folder):
    monkeypatch.setattr(growth, "LONG", SMALL)
    monkeypatch.setattr(growth, "BASE", str(base_folder))
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
