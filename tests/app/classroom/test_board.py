"""The class board: who sees it, which points it has, what it says of them, and that a spreadsheet gets the same."""

import csv
import io
import json
import shutil

import numpy as np
import pytest

from app import services
from app.classroom.board import chart, download, told
from app.classroom.board.gathered import gathered
from app.content import label, text
from peft_core.checkpoints.record import Measured
from peft_core.config import RunConfig, TrainConfig
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.report.experiments.class_runs import fit, groups
from peft_core.reviews.config import DataConfig
from peft_core.serving.names import Names
from peft_core.statistics.intervals import wilson
from peft_core.training.runs import RunFolder, RunStore, new_spec
from tests.trained import make_record, pretend

NAME = "=HYPERLINK(1)"
N = 1_000


def rate(r):
    return 1 / (1 + np.exp(-(1 + 0.15 * np.log2(r))))


@pytest.fixture
def store(tmp_path, monkeypatch, made, line):
    """Those runs, in the folder of this test."""
    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path / "runs"))
    shutil.copytree(made.root, tmp_path / "runs")
    services.listing.clear()
    services.backend.clear()
    yield
    services.listing.clear()
    services.backend.clear()


@pytest.fixture(scope="module")
def made(tmp_path_factory, backbone):
    """Twelve LoRA runs of one experiment, three others, one that trains, one that waits, one that failed."""
    made = RunStore(tmp_path_factory.mktemp("made") / "runs")
    generator = np.random.default_rng(3)
    for seed, r in enumerate((1, 1, 1, 2, 2, 2, 4, 4, 8, 8, 16, 16)):
        finished(made, backbone, LoraConfig(r=r, alpha=2 * r), seed, generator.binomial(N, rate(r)))
    finished(made, backbone, LoraConfig(r=2, alpha=4), 3, 700)  # a seed that was there before
    finished(made, backbone, LoraConfig(r=4, alpha=4), 30, 800)  # another α/r
    finished(made, backbone, AdapterConfig(), 0, 810)
    for state, seed in (("running", 40), ("queued", 41), ("failed", 42)):
        run = made.create(spec(LoraConfig(r=4, alpha=8), seed))
        folder = RunFolder(run.path)
        folder.write_status(folder.status().changed(state=state, step=3, total_steps=12))
        if state == "running":
            share = wilson(390, 500)
            line = {"event": "validation", "step": 3, "total_steps": 12, "epoch": 0.1, "seconds": 1.0}
            line |= {"accuracy": share.accuracy, "low": share.low, "high": share.high, "n": 500}
            folder.metrics_file.write_text(json.dumps(line) + "\n")
    Names(made.root)["ann"] = NAME
    return made


def spec(method, seed):
    data = DataConfig(train_size=1_000, max_length=128)
    config = RunConfig(method=method, data=data, train=TrainConfig(seed=seed, epochs=1, max_seconds=120))
    return new_spec(config, "ann")


def finished(store, backbone, method, seed, right):
    asked = spec(method, seed)
    run = store.create(asked)
    found = {"test": wilson(int(right), N), "validation": wilson(int(right) // 2, N // 2)}
    measured = {split: Measured.of(split, one) for split, one in found.items()}
    record = make_record(backbone, method).model_copy(update={"config": asked.config, **measured})
    pretend(record, run.path / "checkpoint")
    folder = RunFolder(run.path)
    folder.write_status(folder.status().changed(state="succeeded", result={"test_accuracy": right / N}))


@pytest.fixture(autouse=True)
def operator(monkeypatch):
    monkeypatch.setattr(services, "is_operator", lambda: True)


def said(app):
    return " ".join(m.value for m in (*app.markdown, *app.caption))


def test_a_student_has_no_such_page(open_page, store, monkeypatch):
    monkeypatch.setattr(services, "is_operator", lambda: False)
    app = open_page("board")
    assert text("board", "lead") not in [one.value for one in app.markdown]
    assert not app.get("download_button")


def test_the_class_is_one_experiment_with_a_line_through_it(open_page, store, checked_charts):
    app = open_page("board")
    now = gathered()
    found = groups(now.runs)
    line = fit(found[0], "knob", "test")
    assert (len(line.used), line.values) == (12, (1, 2, 4, 8, 16))
    assert [len(app.get(kind)) for kind in ("vega_lite_chart", "download_button")] == [1, 1]
    words = said(app)
    slope, *ends = line.trend.a_unit
    for share in (slope, *ends):
        assert f"{100 * share:+.1f}".replace("-", "−") in words
    assert f"these {len(line.used)} runs" in words
    told_of = {"going": 1, "again": 1, "other_settings": 2, "waiting": 1, "without": 1}
    for why, n in told_of.items():
        assert label("board", f"left_{why}", n=n) in words
    assert NAME not in words


def test_a_link_says_which_experiment_against_what_on_which_reviews(open_page, store):
    found = groups(gathered().runs)
    adapter = next(group for group in found if group.setting["method"] == "adapter")
    app = open_page("board", experiment=adapter.key, along="trainable", of="validation")
    assert text("board", "few", what=label("board", "trainable"), n=1, different=1, least=3) in said(app)
    assert app.selectbox(key="experiment").value == adapter.key


def test_before_there_is_a_result_it_says_so(open_page, line):
    assert text("board", "empty", waiting=0) in [one.value for one in open_page("board").info]


def test_every_run_is_a_point_and_replicates_stand_side_by_side(store):
    found = groups(gathered().runs)
    rows = chart.points(found, found[0], "trainable", "test")
    assert len(rows) == 16  # all but what waits and what failed
    assert rows["going"].sum() == 1
    rows = chart.points(found, found[0], "knob", "test")
    assert len(rows) == 15  # an adapter has no rank
    ones = rows[(rows["x"] == 1) & rows["chosen"]]
    assert ones["aside"].nunique() == len(ones) == 3
    assert ones["aside"].sum() == pytest.approx(0)
    (going,) = rows.loc[rows["going"], "accuracy"]
    assert going == 390 / 500


def test_a_run_is_there_as_soon_as_it_has_ended(store, monkeypatch):
    """The list of checkpoints is two seconds old."""
    before = gathered()
    with monkeypatch.context() as patch:
        patch.setattr(services, "listing", lambda: type("Listing", (), {"runs": ()}))
        assert gathered() == before


def test_two_experiments_are_told_apart_by_what_they_differ_in(store):
    names = told.titles(groups(gathered().runs))
    assert len(set(names.values())) == len(names) == 3
    assert sum("scaling 1" in name for name in names.values()) == 1


def test_the_file_has_all_points_and_nobodys_name(store):
    found = groups(gathered().runs)
    line = fit(found[0], "knob", "test")
    content = download.as_csv(found, found[0], line).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content)))
    assert len(rows) == 16
    in_line = [row for row in rows if row["in_line"] == "yes"]
    assert sorted(int(row["value"]) for row in in_line) == sorted(run.knob for run in line.used)
    assert {row["why_not"] for row in rows} == {"", "again", "going", "other_settings"}
    assert all(float(row["test_accuracy"]) == round(float(row["test_accuracy"]) * N) / N for row in in_line)
    assert "ann" not in content
    assert NAME not in content
