"""What a run says of itself while it goes on: its phases, the time to the end; and how it ends before its time."""

import json
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.torch import load_file

from peft_core.checkpoints.files import load_checkpoint
from peft_core.checkpoints.listing import list_all
from peft_core.checkpoints.record import AdoptedRecord
from peft_core.checkpoints.run_json import read_record
from peft_core.config import RunConfig, TrainConfig
from peft_core.methods.registry import METHODS
from peft_core.reviews.config import DataConfig
from peft_core.statistics.intervals import wilson
from peft_core.statistics.paired_test import paired_test
from peft_core.training import stopping, untrained
from peft_core.training.experiment import run_experiment
from peft_core.training.measuring import MeasuredSplit
from peft_core.training.pace import Pace, measured_per_second
from peft_core.training.runs import RunFolder, RunStore, new_spec, worker
from peft_core.training.runs.worker import run_worker
from peft_core.training.untrained import keep_answers, known_answers
from tests.cases import CASES
from tests.trained import as_measuring, make_record
from tests.training.test_experiment import After, finish

pytestmark = pytest.mark.usefixtures("easy_reviews")
ORDER = ["loading", "validating", "training", "validating", "training", "validating", "testing"]


@pytest.fixture
def make_config(base_folder):
    def make(method, **train) -> RunConfig:
        settings = {"epochs": 1, "batch_size": 16, "learning_rate": 0.02, "evaluations": 2, "max_seconds": 600} | train
        data = DataConfig(train_size=240, validation_size=80, max_length=16)
        return RunConfig(base=str(base_folder), method=method, data=data, train=TrainConfig(**settings))

    return make


def weights(folder):
    return next(folder.glob("*.safetensors")).read_bytes()


# ---------------------------------------------------------------------------------------------------------------------
# Phases


@pytest.mark.parametrize("method", [next(iter(method.examples.values())) for method in METHODS.values()], ids=METHODS)
def test_the_status_of_a_run_goes_through_the_phases_in_order(make_config, tmp_path, monkeypatch, method):
    written, write = [], RunFolder.write_status
    monkeypatch.setattr(RunFolder, "write_status", lambda folder, s: written.append(s) or write(folder, s))
    monkeypatch.setattr(worker, "check_limits", lambda *_: None)  # this base is not of the catalogue
    monkeypatch.setattr(worker, "_SECONDS_BETWEEN_STATUS_WRITES", 0)
    run = RunStore(tmp_path / "runs").create(new_spec(make_config(method), "ann"))
    assert run_worker(run.path, run_experiment) == 0
    under_way = [status for status in written if status.state in ("starting", "running")]
    phases = [status.phase for status in under_way]
    assert [a for a, b in zip(phases, [None, *phases], strict=False) if a != b] == ORDER
    for phase in ("validating", "testing"):
        told = [(s.batch, s.batches) for s in under_way if s.phase == phase and s.batches]
        assert told[0][0] == 0
        assert any(done == of for done, of in told)
    known = [status.remaining for status in under_way if status.remaining is not None]
    assert known
    assert min(known) >= 0
    assert (written[-1].state, written[-1].remaining, written[-1].batches) == ("succeeded", None, 0)
    assert all(a.heartbeat <= b.heartbeat for a, b in pairwise(written))
    events = {row["event"] for row in RunFolder(run.path).metrics()}
    assert events == {"start", "step", "validation", "test"}, "batches are no points of a curve"


# ---------------------------------------------------------------------------------------------------------------------
# The same reviews before and after


def test_before_and_after_are_the_same_reviews_and_before_is_measured_once(make_config, tmp_path, learnable):
    def batches_of_the_test(folder):
        run = run_experiment(make_config(CASES["lora"], learning_rate=0.05, epochs=4), folder)
        told = [(log.done, log.of) for log in run if log.event == "measuring" and log.split == "test"]
        assert sorted({done for done, _ in told}) == list(range(told[0][1] + 1)), "counted through"
        return told[0][1], read_record(folder / "checkpoint")

    twice, first = batches_of_the_test(tmp_path / "a")
    once, second = batches_of_the_test(tmp_path / "b")
    assert twice == 2 * once
    assert (first.untrained_test, first.discordant) == (second.untrained_test, second.discordant)
    assert first.untrained_test.n == first.test.n == len(learnable["test"])
    gained, lost = first.discordant
    assert (gained - lost) / first.test.n == pytest.approx(first.test.accuracy - first.untrained_test.accuracy)
    truth = np.array(learnable["test"]["label"])
    after = (np.array(first.test_probabilities) > 0.5) == truth
    before = after.copy()
    before[np.flatnonzero(after)[:gained]] = False
    before[np.flatnonzero(~after)[:lost]] = True
    test = paired_test(after, before)
    assert first.change == (test.difference, test.low, test.high)
    assert first.test.low > first.untrained_test.accuracy


def test_damaged_answers_are_none_and_are_measured_again():
    of, positive = {"base": "a", "reviews": "b"}, np.array([0.25, 0.75, 0.5])
    assert known_answers(of, 3) is None
    keep_answers(of, positive)
    assert known_answers(of, 3).tolist() == positive.tolist()
    assert known_answers(of, 4) is None
    assert known_answers(of | {"reviews": "c"}, 3) is None
    (file,) = (untrained.cache_dir() / "untrained").iterdir()
    whole = file.read_text()
    for damaged in (whole[:-5], whole.replace("0.75", "0.76"), "", "[]", json.dumps({"positive": [0.1]})):
        file.write_text(damaged)
        assert known_answers(of, 3) is None
        keep_answers(of, positive)
        assert known_answers(of, 3) is not None


# ---------------------------------------------------------------------------------------------------------------------
# Training that made it worse


def test_a_ruined_run_keeps_its_start_and_says_so_and_its_end_can_be_asked(
    make_config, tmp_path, monkeypatch, backbone
):
    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path))
    found = iter([90, 60, 50])
    monkeypatch.setattr(
        MeasuredSplit, "measuring", lambda self, model: as_measuring(lambda: wilson(next(found), 100))()
    )
    _, summary = finish(run_experiment(make_config(CASES["lora"], learning_rate=1.0), tmp_path / "ruined"))
    best, last = (tmp_path / "ruined" / name for name in ("checkpoint", "checkpoint-last"))
    record = read_record(best)
    assert record.made_worse is summary["made_worse"] is True
    assert (record.best_step, record.discordant) == (0, (0, 0)), "LoRA starts as the base model"
    assert record.test == record.untrained_test
    told = read_record(last)
    assert isinstance(told, AdoptedRecord)
    assert "made it worse" in told.why
    assert told.test is None
    load_checkpoint(last, backbone)
    (a, b) = (load_file(next(folder.glob("*.safetensors"))) for folder in (best, last))
    assert any((a[name] != b[name]).any() for name in a)
    listed = list_all()
    assert [info.name for info in listed.runs if not info.shipped] == ["ruined"]
    assert [info.name for info in listed.adopted] == ["ruined-last"]


# ---------------------------------------------------------------------------------------------------------------------
# Stop, go on, stop and keep


def test_stop_and_keep_publishes_the_best_weights_whatever_was_stopped_before(make_config, tmp_path):
    config = make_config(CASES["lora"], epochs=4, evaluations=4)
    keep = After(20)
    logs, summary = finish(run_experiment(config, tmp_path / "a", should_keep=keep), keep)
    record = read_record(tmp_path / "a" / "checkpoint")
    assert (record.stopped_by, record.steps, record.planned_steps) == ("person", 20, 60)
    assert summary["stopped_by"] == "person"
    points = [(log.step, log.accuracy) for log in logs if log.event == "validation"]
    assert [step for step, _ in points] == [0, 15, 20]
    best = max(accuracy for _, accuracy in points)
    assert record.validation.accuracy == best
    assert logs[-1].total_steps == 20

    stop, keep = After(7), After(20)
    finish(run_experiment(config, tmp_path / "b", stop), stop)
    finish(run_experiment(config, tmp_path / "b", should_keep=keep), keep)
    assert weights(tmp_path / "b" / "checkpoint") == weights(tmp_path / "a" / "checkpoint")


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_run_stopped_in_the_middle_of_its_measuring_ends_as_if_it_had_not_been(make_config, tmp_path, split):
    config, asked = make_config(CASES["lora"]), False
    events = run_experiment(config, tmp_path / "a", lambda: asked)
    while True:
        try:
            log = next(events)
        except StopIteration as end:
            assert end.value is None
            break
        asked |= log.event == "measuring" and log.split == split and log.step > 0 and log.done == 1
    assert not (tmp_path / "a" / "checkpoint").exists()
    finish(run_experiment(config, tmp_path / "a"))
    finish(run_experiment(config, tmp_path / "b"))
    assert weights(tmp_path / "a" / "checkpoint") == weights(tmp_path / "b" / "checkpoint")
    assert (
        read_record(tmp_path / "a" / "checkpoint").validations == read_record(tmp_path / "b" / "checkpoint").validations
    )


def test_ctrl_c_once_stops_after_a_moment_and_twice_keeps(monkeypatch):
    now = 100.0
    monkeypatch.setattr(stopping, "time", SimpleNamespace(monotonic=lambda: now))
    wish = stopping.Wish()
    assert (wish.stop(), wish.keep()) == (False, False)
    wish.hear(stopping.signal.SIGINT)
    assert (wish.stop(), wish.keep()) == (False, False), "a second one may come"
    now += stopping.SECOND_WITHIN
    assert (wish.stop(), wish.keep()) == (True, False)
    wish = stopping.Wish()
    wish.hear(stopping.signal.SIGINT)
    now += stopping.SECOND_WITHIN / 2
    wish.hear(stopping.signal.SIGINT)
    now += 1000
    assert (wish.stop(), wish.keep()) == (False, True)
    wish.hear(stopping.signal.SIGINT)
    assert (wish.stop(), wish.keep()) == (True, False)
    ended = stopping.Wish()
    ended.hear(stopping.signal.SIGTERM)
    assert (ended.stop(), ended.keep()) == (True, False)


# ---------------------------------------------------------------------------------------------------------------------
# The time of a run that may be started


def test_an_estimate_has_every_phase_in_it(backbone):
    data = DataConfig(train_size=100, validation_size=50, test_size=60, max_length=64)
    config = RunConfig(
        base="tiny-t5", method="lora", data=data, train=TrainConfig(epochs=2, batch_size=10, evaluations=3)
    )
    record = make_record(backbone, CASES["lora"])
    record = record.model_copy(update={"config": config})
    pace = Pace(record, 20.0, True, 40.0)
    assert (pace.training(config), pace.validating(config), pace.testing(config)) == (10.0, 5.0, 1.5)
    assert pace.seconds(config) == 16.5
    assert pace.steps(config) == (20, 20)
    limited = config.model_copy(update={"train": config.train.model_copy(update={"max_seconds": 10.0})})
    assert pace.seconds(limited) == 11.5
    assert pace.steps(limited) == (10, 20)
    longer = config.model_copy(update={"data": data.model_copy(update={"max_length": 128})})
    assert pace.seconds(longer) == 33.0


def test_an_older_record_tells_the_pace_of_measuring_by_its_seconds(backbone):
    record = make_record(backbone, CASES["lora"])  # 1 step of 32 reviews, 2 reviews a second, two validations of 2
    record = record.model_copy(update={"seconds": 18.0})
    assert measured_per_second(record) == 2.0
    assert measured_per_second(record.model_copy(update={"measured_per_second": 7.0})) == 7.0
    assert measured_per_second(record.model_copy(update={"seconds": 1.0})) is None
    assert measured_per_second(record.model_copy(update={"examples_per_second": None})) is None
