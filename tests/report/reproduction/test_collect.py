"""The table: what is in it, that nothing is trained twice, and that stopping changes nothing."""

import json
import shutil
import signal

import pytest

from peft_core.checkpoints.files import load_checkpoint
from peft_core.checkpoints.run_json import read_record
from peft_core.errors import PeftClassroomError
from peft_core.report.quoted import quoted_rows
from peft_core.report.reproduction import ROW_NAMES, ROWS, load_results
from peft_core.report.reproduction.collect import _alone, collect, in_a_process, run_table
from peft_core.report.reproduction.plan import Settings, make_folder, make_table
from peft_core.report.reproduction.publishing import publish
from peft_core.report.reproduction.results import Results, RowResult, write_results
from peft_core.report.reproduction.worker import FINISHED, STOPPED, work
from peft_core.statistics.paired_test import paired_test
from peft_core.t5.backbone import load_backbone
from peft_core.training import measuring
from peft_core.training.experiment import STATE
from tests.cases import make_base

pytestmark = pytest.mark.usefixtures("easy_reviews")

SMALL = {"train_size": 48, "validation_size": 80, "max_length": 16, "epochs": 1, "evaluations": 2}
TWO = ["soft-prompt-1", "lora-1"]
TIMES = ("seconds", "examples_per_second", "measured_per_second", "created", "peak_bytes")


@pytest.fixture
def small_reviews(easy_reviews, monkeypatch):
    """The same small reviews for the yardstick."""
    monkeypatch.setattr("peft_core.reviews.splits.load_splits", measuring.load_splits)


@pytest.fixture
def make(base_folder, small_reviews):
    def table(base=base_folder, **settings):
        settings = Settings(base=str(base), **SMALL | settings)
        return make_table(settings, load_backbone(str(base)).fingerprint, measuring.load_splits("bundled"))

    return table


class Here:
    """Works in this process instead of a fresh one, and counts; stops, once, at the step `stop_at` of all."""

    def __init__(self, stop_at: int | None = None):
        self.worked: list[str] = []
        self.steps, self.stop_at = 0, stop_at

    def __call__(self, folder, report, should_stop):
        def count(event):
            self.steps += event["event"] == "step"
            report(event)

        self.worked.append(folder.name)
        return work(folder, count, lambda: should_stop() or self.steps == self.stop_at)


def timeless(results: Results) -> dict:
    """Everything that does not depend on the clock or the machine's memory."""

    def without(value):
        if isinstance(value, dict):
            return {k: without(v) for k, v in value.items() if k not in TIMES}
        return [without(v) for v in value] if isinstance(value, list) else value

    return without(results.model_dump(mode="json"))


# ---------------------------------------------------------------------------------------------------------------------
# What is in it


def test_the_ten_rows_of_the_report_are_there_with_its_figures():
    reported = {row.key: row for row in quoted_rows()}
    quoted = {row.name: reported[row.report] for row in ROWS if row.report}
    assert sorted(row.percent for row in quoted.values()) == sorted(
        ["90.1", "87.0", "84.9", "87.2", "90.7", "90.3", "89.02", "88.9", "88.8", "88.7"]
    )
    assert (quoted["adapterhub-1"].implementation, quoted["adapterhub-1"].percent) == ("adapterhub", "89.02")
    for row in ROWS:
        assert row.report is None or reported[row.report].matches(row.method), row.name


def test_a_results_file_of_before_names_the_same_rows_of_the_report(make):
    """Where the key of the report's row is now, older files have what the report says there."""
    for row in ROWS:
        older = {"name": row.name, "runs": [row.name], "note": "", "report": row.report and {"accuracy_percent": 1.0}}
        assert RowResult.model_validate(older).report == row.report
    assert set(ROW_NAMES) > {"lora-64", "bag-of-words-2000", "bag-of-words-20000"}


def test_one_run_is_never_two(make):
    table = make()
    assert len({planned.model_dump_json() for planned in table.planned.values()}) == len(table.planned)
    assert table.rows["lora-8"] == table.rows["lora-8-library"] == ("lora-8", "lora-8-seed1", "lora-8-seed2")
    assert not set(table.rows["adapter-8"]) & set(table.rows["adapterhub-8"])
    for row in ROWS:  # a row that shares runs says so
        shared = [name for name, runs in table.rows.items() if set(runs) & set(table.rows[row.name])]
        if row.name.endswith("-library"):
            assert shared[0] != row.name
            assert "the same runs" in row.note
    assert set(table.shipped) == {
        "full", "soft-prompt-10", "soft-prompt-1", "adapter-8", "adapterhub-8", "adapterhub-1", "lora-8",
        "lora-8-seed1", "lora-1", "lora-64", "ia3", "prefix-10", "layer-norm",
    }  # fmt: skip


def test_given_seeds_hold_for_every_row_and_equal_runs_still_count_once(make):
    table = make(seeds=(0, 5, 5))
    assert table.rows["lora-64"] == ("lora-64", "lora-64-seed5")
    assert table.rows["adapterhub-8"] == table.rows["adapter-8"] == ("adapter-8", "adapter-8-seed5")
    assert {p.config.train.seed for p in table.planned.values() if p.kind == "run"} == {0, 5}


def test_what_a_run_depends_on_is_written_down(make):
    planned = make().planned["lora-1"]
    train = planned.config.train
    assert (train.epochs, train.evaluations) == (SMALL["epochs"], SMALL["evaluations"])
    assert train.test_curve
    assert train.learning_rate is not None  # a default that changes later must not pass for the old one
    assert planned.config.method.scaling == 2


# ---------------------------------------------------------------------------------------------------------------------
# Training it


def test_a_stopped_and_resumed_table_ends_like_an_unbroken_one(make, tmp_path):
    table = make()
    names = table.runs_of([*TWO, "bag-of-words-2000"])
    whole = run_table(table, tmp_path / "whole", tmp_path / "whole.json", names, act=Here())
    out = tmp_path / "stopped.json"
    for stop_at in (2, 3):  # between two validations; the second time in another run
        act = Here(stop_at)
        part = run_table(table, tmp_path / "stopped", out, names, act=act)
        assert act.steps == stop_at
        assert load_results(out) == part
        assert "running" in [part.result(name).state for name in names]
        assert "not run" in [part.result(name).state for name in names]
    again = run_table(table, tmp_path / "stopped", out, names, act=Here())
    assert timeless(again) == timeless(whole)
    assert again.result("lora-1").weights == whole.result("lora-1").weights
    assert [again.result(name).state for name in names] == ["done"] * len(names)
    assert len(again.result("lora-1").points) == 1 + table.settings.evaluations

    before, act = out.read_bytes(), Here()
    assert run_table(table, tmp_path / "stopped", out, names, act=act) == again
    assert act.worked == []  # nothing is run twice
    assert out.read_bytes() == before


def test_what_a_finished_run_says_is_its_record(make, tmp_path):
    table = make()
    run_table(table, tmp_path / "work", tmp_path / "r.json", ["lora-1", "bag-of-words-2000"], act=Here())
    results = load_results(tmp_path / "r.json")
    result, record = results.result("lora-1"), read_record(tmp_path / "work" / "lora-1" / "checkpoint")
    assert result.record == record.model_copy(update={"test_probabilities": None})
    assert [(p.step, p.validation) for p in result.points] == list(record.validations)
    assert [(p.step, p.test) for p in result.points] == list(record.test_curve)
    assert [p.epoch for p in result.points] == [0, 0.5, 1]
    assert result.points[0].train_loss is None
    assert all(p.train_loss > 0 and p.seconds > 0 for p in result.points[1:])
    assert result.peak_bytes > 4 * record.total_parameters
    pair = paired_test(*([a == "1" for a in results.result(n).test_right] for n in ("lora-1", "bag-of-words-2000")))
    assert pair.only_first - pair.only_second == round(
        120 * (record.test.accuracy - results.result("bag-of-words-2000").record.test.accuracy)
    )
    speed = record.examples_per_second
    assert results.seconds_left("lora-1") is None
    assert results.seconds_left("lora-64") == (None if speed is None else 96 / speed)
    assert results.seconds_left("full") is None


def test_another_base_is_another_run_and_a_base_that_changes_meanwhile_is_noticed(make, tmp_path):
    base, out = make_base(tmp_path / "base"), tmp_path / "r.json"
    planned_before, act = make(base), Here()
    run_table(planned_before, tmp_path / "work", out, ["soft-prompt-1"], act=act)
    make_base(base, seed=1)
    planned_after = make(base)
    assert collect(planned_after, tmp_path / "work").result("soft-prompt-1").state == "not run"
    results = run_table(planned_before, tmp_path / "work", out, ["lora-1", "bag-of-words-2000"], act=act)
    assert "has changed" in results.result("lora-1").message
    assert results.result("bag-of-words-2000").state == "done"  # the others go on
    run_table(planned_after, tmp_path / "work", out, ["soft-prompt-1"], act=act)
    assert act.worked == ["soft-prompt-1", "lora-1", "bag-of-words-2000", "soft-prompt-1.2"]
    assert load_results(out).result("soft-prompt-1").record.base_fingerprint == planned_after.base_fingerprint
    assert collect(planned_before, tmp_path / "work").result("soft-prompt-1").state == "done"


def test_what_other_results_hold_is_not_trained_again_unless_anything_differs(make, tmp_path):
    first, same = "adapter-8-seed3", "adapterhub-8"  # one run; its name depends on the seeds of the table
    table, out, act = make(), tmp_path / "r.json", Here()
    known = run_table(make(seeds=(3,)), tmp_path / "elsewhere", out, [first, "bag-of-words-2000"], act=act)
    assert collect(table, tmp_path / "work").result(same).state == "not run"
    taken = collect(table, tmp_path / "work", known)
    assert taken.result(same) == known.result(first).model_copy(update={"name": same})
    names = [same, "lora-1", "bag-of-words-2000"]
    results = run_table(table, tmp_path / "work", out, names, act=act, known=known)
    assert act.worked == [first, "bag-of-words-2000", "lora-1"]
    assert load_results(out) == results == collect(table, tmp_path / "work", known)
    assert [results.result(name).state for name in names] == ["done"] * 3
    for other in (make(max_length=32), make(make_base(tmp_path / "base", seed=1))):
        assert collect(other, tmp_path / "work", known).result(same).state == "not run"
    finished = run_table(table, tmp_path / "work", tmp_path / "own.json", [same], act=act)  # trained without `known`
    assert finished.result(same).weights == known.result(first).weights
    both = collect(table, tmp_path / "work", known)
    assert both.result(same) == finished.result(same)  # what is finished here counts before what is known


def test_a_results_file_loses_no_finished_run(make, tmp_path):
    out, act, names = tmp_path / "r.json", Here(), ["lora-1-seed2", "bag-of-words-2000"]
    known = run_table(make(), tmp_path / "elsewhere", out, names, act=act)
    before = out.read_bytes()
    other_seeds = make(seeds=(0, 1))
    for table, others, lost in (
        (make(), None, "lora-1-seed2, bag-of-words-2000"),
        (other_seeds, known, "lora-1-seed2"),
        (make(max_length=32), known, "lora-1-seed2"),
    ):
        with pytest.raises(PeftClassroomError, match=f"would be lost: {lost}. Name another --out"):
            run_table(table, tmp_path / "work", out, ["soft-prompt-1"], act=act, known=others)
        assert out.read_bytes() == before
    assert act.worked == names  # nothing is trained first
    run_table(make(), tmp_path / "work", out, [], act=act, known=known)  # taken over
    run_table(other_seeds, tmp_path / "elsewhere", out, [], act=act)  # finished in the folder of runs
    assert load_results(out).settings.seeds == (0, 1)
    out.write_text("my notes")
    with pytest.raises(PeftClassroomError, match="no results can be read"):
        run_table(make(), tmp_path / "work", out, [], act=act, known=known)
    assert out.read_text() == "my notes"


def test_a_process_that_dies_is_a_sentence_and_the_run_is_tried_again(make, tmp_path):
    table, out = make(), tmp_path / "r.json"
    results = run_table(table, tmp_path / "work", out, TWO, act=lambda folder, report, should_stop: -9)
    assert [results.result(name).state for name in TWO] == ["failed", "failed"]
    assert "code -9" in results.result("lora-1").message
    results = run_table(table, tmp_path / "work", out, TWO, act=Here())
    assert [results.result(name).state for name in TWO] == ["done", "done"]


def test_two_tables_do_not_train_in_one_folder(make, tmp_path):
    with _alone(tmp_path), pytest.raises(PeftClassroomError, match="Another table"):
        run_table(make(), tmp_path, tmp_path / "r.json", TWO, act=Here())


# ---------------------------------------------------------------------------------------------------------------------
# The file


def test_a_file_with_rows_that_were_not_run_loads_and_a_damaged_one_does_not(make, tmp_path):
    table, out = make(), tmp_path / "r.json"
    with pytest.raises(PeftClassroomError, match="missing"):
        load_results(out)
    write_results(collect(table, tmp_path / "nothing"), out)
    assert {result.state for result in load_results(out).runs} == {"not run"}
    run_table(table, tmp_path / "work", out, ["soft-prompt-1"], act=Here())
    good = json.loads(out.read_text())
    (number,) = (i for i, r in enumerate(good["runs"]) if r["state"] == "done")

    def flipped(result):
        right = result["test_right"]
        result["test_right"] = ("0" if right[0] == "1" else "1") + right[1:]

    for damage in (
        flipped,
        lambda result: result.update(state="not run"),
        lambda result: result["config"]["train"].update(seed=7),
        lambda result: result.update(record=None),
        lambda result: result.update(name="lora-8"),
    ):
        data = json.loads(json.dumps(good))
        damage(data["runs"][number])
        out.write_text(json.dumps(data))
        with pytest.raises(PeftClassroomError, match="damaged"):
            load_results(out)


# ---------------------------------------------------------------------------------------------------------------------
# Publishing


def test_publishing_replaces_what_is_another_and_only_by_what_loads(make, tmp_path):
    table, shipped, work_folder = make(), tmp_path / "shipped", tmp_path / "work"
    run_table(table, work_folder, tmp_path / "r.json", TWO, act=Here())
    backbone = load_backbone(table.settings.base)
    assert publish(table, work_folder, shipped) == TWO
    assert sorted(p.name for p in shipped.iterdir()) == sorted(TWO)
    load_checkpoint(shipped / "lora-1", backbone)
    assert publish(table, work_folder, shipped) == []  # they are the same
    shutil.rmtree(shipped / "lora-1")
    shutil.copytree(shipped / "soft-prompt-1", shipped / "lora-1")
    assert publish(table, work_folder, shipped) == ["lora-1"]
    (work_folder / "lora-1" / "checkpoint" / "adapter_model.safetensors").write_bytes(b"damaged")
    with pytest.raises(PeftClassroomError, match="damaged"):
        publish(table, work_folder, shipped)
    load_checkpoint(shipped / "lora-1", backbone)
    shutil.rmtree(shipped / "soft-prompt-1")
    (shipped / "soft-prompt-1").mkdir()
    with pytest.raises(PeftClassroomError, match="left alone"):
        publish(table, work_folder, shipped)
    assert sorted(p.name for p in shipped.iterdir()) == sorted(TWO)


# ---------------------------------------------------------------------------------------------------------------------
# For real: the command, and processes


def small_options(base):
    sizes = "--train-size 40 --validation-size 40 --test-size 60 --max-length 16 --epochs 1 --evaluations 2".split()
    return ["--base", base, *sizes, "--seeds", 3]


def test_the_command_trains_publishes_and_does_nothing_the_second_time(run, base_folder, tmp_path, monkeypatch):
    here, ended = Here(), []

    def some_in_a_process(folder, *rest):  # a process that trains is told to stop in the next test
        if folder.name == "adapter-8-seed3":
            return here(folder, *rest)
        ended.append(in_a_process(folder, *rest))
        return ended[-1]

    monkeypatch.setattr("peft_core.report.reproduction.collect.in_a_process", some_in_a_process)
    out, shipped = tmp_path / "out.json", tmp_path / "shipped"
    where = ["--work", tmp_path / "work", "--out", out]
    rows = ["--rows", "adapter-8,bag-of-words-2000"]
    code, printed, error = run("reproduce", *small_options(base_folder), *where, *rows, "--dry-run")
    assert code == 0, error
    assert "unknown" in printed
    assert not out.exists()
    code, printed, error = run("reproduce", *small_options(base_folder), *where, *rows, "--publish", shipped, "--json")
    assert code == 0, error
    summary = json.loads(printed)
    assert [r["state"] for r in summary["runs"]] == ["done", "done"]
    assert (here.worked, ended) == (["adapter-8-seed3"], [FINISHED])
    assert summary["runs"][0]["rows"] == ["adapter-8", "adapterhub-8"]
    results = load_results(out)
    record = results.result("adapter-8-seed3").record
    assert (record.config.train.seed, len(record.test_curve), record.test.n) == (3, 3, 60)
    assert results.result("bag-of-words-2000").record.split_sizes == {"train": 2000, "validation": 40, "test": 60}
    assert 2**26 < results.result("bag-of-words-2000").peak_bytes < 2**33
    assert summary["published"] == []  # seed 3 of adapter-8 is not shipped under that name
    before = out.read_bytes()
    elsewhere = ["--work", tmp_path / "other", "--out", out, "--known", out]
    for options in (where, elsewhere):
        code, printed, error = run("reproduce", *small_options(base_folder), *options, *rows)
        assert code == 0, error
        assert "adapter-8-seed3" in printed
        assert out.read_bytes() == before
    assert not list((tmp_path / "other").glob("*/"))


def test_a_process_that_is_told_to_stop_keeps_its_state(base_folder, tmp_path):
    from peft_core.reviews.splits import load_splits

    settings = Settings(base=str(base_folder), train_size=400, validation_size=40, test_size=60, max_length=16)
    table = make_table(settings, load_backbone(str(base_folder)).fingerprint, load_splits())
    folder, seen = make_folder(tmp_path, "lora-1", table.planned["lora-1"]), []
    code = in_a_process(folder, seen.append, lambda: len(seen) > 2)
    assert code == STOPPED, (folder / "log.txt").read_text()
    assert (folder / STATE).is_file()
    last = max(event["step"] for event in seen)
    seen.clear()
    assert work(folder, seen.append, lambda: False) == FINISHED  # goes on here from what that process has left
    assert seen[0]["step"] == last > 0
    assert collect(table, tmp_path).result("lora-1").state == "done"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--rows", "lora-9,full"), "no row lora-9. Choose among: full, soft-prompt-10"),
        (("--seeds", "0,x"), "seeds"),
        (("--seeds", ","), "seeds"),
        (("--epochs", 0), "epochs"),
        (("--evaluations", 0), "evaluations"),
        (("--train-size", 41), "multiple of 2"),
        (("--known", "nothing.json"), "nothing.json is missing"),
        (("--base", "t6"), "tiny-t5, mini-t5, t5-small"),
    ],
    ids=str,
)
def test_what_is_wrong_gets_one_line_and_exit_code_2(run, arguments, sentence):
    code, out, error = run("reproduce", *arguments, "--dry-run")
    assert (code, out) == (2, "")
    assert sentence in error
    assert error.count("\n") == 1
