"""The report's table beside the runs that are here: who belongs to which row, and what is counted and measured."""

import json
import shutil
from dataclasses import replace

import pytest

from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.checkpoints.record import Measured
from peft_core.checkpoints.run_json import read_record
from peft_core.checkpoints.weights_file import weights_file
from peft_core.counting.by_numel import count_by_numel
from peft_core.errors import PeftClassroomError
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.report.build import build_table
from peft_core.report.costs.growth import load_growth
from peft_core.report.costs.measured import load_cost
from peft_core.report.quoted import quoted_rows
from peft_core.report.reproduction.plan import Settings
from peft_core.report.reproduction.results import (
    Results,
    RowResult,
    RunResult,
    YardstickResult,
    load_results,
    write_results,
)
from peft_core.report.reproduction.yardstick import YardstickConfig
from peft_core.statistics.intervals import wilson
from tests.report.variants import SHIPPED, variant


def with_accuracy(info, correct):
    return Measured.of("test", wilson(correct, info.record.test.n))


def test_every_number_of_the_report_is_counted_again(shipped):
    for row in build_table([], numel=count_by_numel).rows:
        if row.quoted:
            counted = row.quoted_counts
            assert (counted.by_hand.trainable, counted.by_hand.total) == (
                row.quoted.trainable_parameters,
                row.quoted.total_parameters,
            )
            assert counted.by_numel == counted.by_hand and counted.agree


def test_without_runs_every_row_says_so(shipped):
    table = build_table([], numel=lambda architecture, method: None)
    assert [row.quoted for row in table.rows[:10]] == list(quoted_rows())
    assert [row.label for row in table.rows[10:]] == ["LoRA r=64"]
    for row in table.rows:
        assert row.reproduction is None
        assert row.counts.by_numel is None and row.counts.by_file is None
        assert row.counts.agree  # one way agrees with itself


def test_the_shipped_checkpoints_stand_in_their_rows(shipped):
    table = build_table(shipped.values(), numel=count_by_numel)
    for name, key in SHIPPED.items():
        mine, info = table.row(key).reproduction, shipped[name]
        assert [run.name for run in mine.runs] == [name]
        assert mine.test.accuracy == info.record.test.accuracy
        assert mine.test.low == pytest.approx(info.record.test.low)
        assert (mine.seconds, mine.examples_per_second) == (info.record.seconds, info.record.examples_per_second)
        counts = mine.counts
        assert counts.by_hand == counts.by_numel == counts.by_file
        assert counts.by_hand.trainable == info.record.trainable_parameters
        assert mine.runs[0].file.bytes == next(info.path.glob("*.safetensors")).stat().st_size
    not_run = {row.key for row in table.rows if row.reproduction is None}
    assert not_run == {"soft_prompt-1-opendelta", "adapter-1-adapterhub", "lora-1-library", "lora-64-ours"}
    shared = {row.key: row.same_runs_as for row in table.rows if row.same_runs_as}
    assert shared == {
        "soft_prompt-10-opendelta": "soft_prompt-10-own",
        "adapter-8-adapterhub": "adapter-8-own",
        "lora-8-library": "lora-8-own",
    }
    assert [run.name for run in table.own_runs()] == list(SHIPPED)


def test_a_run_is_placed_by_its_record_and_never_by_its_folder(shipped, tmp_path):
    folder = tmp_path / "full"
    shutil.copytree(shipped["lora-8"].path, folder)
    info = CheckpointInfo(name="full", path=folder, record=read_record(folder), shipped=False)
    table = build_table([info])
    assert table.row("full-own").reproduction is None
    assert table.row("lora-8-own").reproduction.runs[0].name == "full"


@pytest.mark.parametrize(
    ("name", "method", "key", "label"),
    [
        ("lora-8", LoraConfig(r=8, alpha=8), "lora-8-own", "LoRA r=8, own code"),  # alpha the report leaves open
        ("lora-8", LoraConfig(r=1, alpha=2), "lora-1-library", "LoRA r=1, library"),
        ("lora-8", LoraConfig(r=64, alpha=128), "lora-64-ours", "LoRA r=64"),
        ("lora-8", LoraConfig(r=8, target_modules=("q",)), "lora-8-q-ours", "LoRA r=8 (target_modules q)"),
        (
            "adapter-8",
            AdapterConfig(bottleneck_dim=8, placement="houlsby"),
            "adapter-8-houlsby-ours",
            "Adapter m=8, Houlsby (placement houlsby)",
        ),
        (
            "adapter-8",
            AdapterConfig(bottleneck_dim=8, non_linearity="gelu"),
            "adapter-8-gelu-ours",
            "Adapter m=8, Pfeiffer (non_linearity gelu)",
        ),
    ],
)
def test_settings_decide_the_row(shipped, name, method, key, label):
    table = build_table([variant(shipped[name], method=method)])
    row = table.row(key)
    assert row.label == label
    assert row.reproduction.config.method == method
    placed = [r.key for r in table.rows if r.reproduction]
    assert placed[0] == key
    assert not table.row(key).quoted or all(table.row(k).method == row.method for k in placed)


def test_seeds_of_one_budget_are_averaged_and_each_is_kept(shipped):
    lora = shipped["lora-8"]
    infos = [
        variant(lora, f"seed-{seed}", train={"seed": seed}, test=with_accuracy(lora, correct), seconds=seconds)
        for seed, correct, seconds in ((2, 2550, 10.0), (0, 2520, 20.0), (1, 2535, 30.0))
    ]
    mine = build_table(infos).row("lora-8-own").reproduction
    assert mine.seeds == (0, 1, 2)
    assert [run.test.accuracy for run in mine.runs] == [0.84, 0.845, 0.85]
    assert mine.test.accuracy == pytest.approx(0.845)
    assert mine.test.n == 3000  # the same reviews, not three times as many
    assert mine.test.low < 0.84
    assert mine.seconds == 20


def test_times_of_another_machine_are_not_averaged_and_its_accuracy_is(shipped):
    lora = shipped["lora-8"]
    kinds = ({}, {"precision": "another"}, {"device": "another"}, {})
    infos = [
        variant(lora, train={"seed": seed}, seconds=10.0 * seed, examples_per_second=seed, **kind)
        for seed, kind in enumerate(kinds)
    ]
    mine = build_table(infos).row("lora-8-own").reproduction
    assert mine.seeds == (0, 1, 2, 3)
    assert [run.seed for run in mine.timed] == [0, 3]
    assert (mine.seconds, mine.examples_per_second) == (15, 1.5)


def test_other_budgets_are_other_reproductions_and_accuracy_chooses_none(shipped):
    lora = shipped["lora-8"]
    short = variant(lora, "short", data={"train_size": 2000}, steps=60, test=with_accuracy(lora, 2900))
    sixty = {"test": replace(lora.record.test, n=60), "test_probabilities": None}
    part = variant(lora, "part", data={"test_size": 60}, steps=9999, **sixty)
    other_base = variant(lora, "before", base_fingerprint="0" * 64, steps=100)
    row = build_table([short, part, other_base, lora]).row("lora-8-own")
    assert [r.runs[0].name for r in row.reproductions] == ["lora-8", "before", "short", "part"]
    same = {"learning_rate": lora.record.learning_rate, "test_curve": True}  # the default, written out; and noted more
    assert len(build_table([lora, variant(lora, train=same)]).row("lora-8-own").reproductions) == 1


def test_of_two_runs_with_one_seed_the_newer_counts(shipped):
    lora = shipped["lora-8"]
    newer = variant(lora, "newer", created="2099-01-01T00:00:00Z")
    for infos in ([lora, newer], [newer, lora]):
        assert [run.name for run in build_table(infos).row("lora-8-own").reproduction.runs] == ["newer"]


def test_other_bases_stay_out(shipped):
    assert not any(row.reproductions for row in build_table(shipped.values(), "t5-small").rows)


def test_memory_is_what_was_measured_with_these_settings(shipped):
    cost, growth = load_cost(), load_growth()
    lora, adapter = shipped["lora-8"], shipped["adapter-8"]
    memory = build_table([lora]).row("lora-8-own").reproduction.memory
    assert memory.peak_bytes == cost.train("tiny-t5", LoraConfig()).peak
    assert (memory.batch, memory.width, memory.provenance.command) == (
        32,
        lora.record.config.data.max_length,
        cost.provenance.command,
    )
    other_alpha = build_table([variant(lora, method=LoraConfig(alpha=2))]).row("lora-8-own").reproduction
    assert other_alpha.memory == memory  # alpha takes no memory
    assert build_table([variant(lora, train={"batch_size": 30})]).row("lora-8-own").reproduction.memory is None
    measured = next(r for r in growth.sweep("bottleneck").rows if r.method == AdapterConfig(bottleneck_dim=1))
    short = variant(adapter, method=measured.method, data={"max_length": measured.width})
    one = build_table([short]).row("adapter-1-adapterhub")
    assert one.reproduction.memory.peak_bytes == measured.peak
    assert "growth" in one.reproduction.memory.provenance.command


def test_a_damaged_or_missing_weights_file_is_said(shipped, tmp_path):
    folder = tmp_path / "broken"
    shutil.copytree(shipped["lora-8"].path, folder)
    file = folder / "adapter_model.safetensors"
    info = CheckpointInfo(name="broken", path=folder, record=read_record(folder), shipped=False)
    file.write_bytes(file.read_bytes()[:-4])
    run = build_table([info]).row("lora-8-own").reproduction.runs[0]
    assert run.file is None and "damaged" in run.problem
    file.unlink()
    run = build_table([info]).row("lora-8-own").reproduction.runs[0]
    assert run.file is None and "no weights files" in run.problem
    with pytest.raises(PeftClassroomError, match="no weights"):
        weights_file(folder)


def test_a_file_with_other_contents_is_no_tick(shipped, tmp_path):
    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "less"
    shutil.copytree(shipped["lora-8"].path, folder)
    file = folder / "adapter_model.safetensors"
    tensors = load_file(file)
    tensors.popitem()
    save_file(tensors, file)
    info = CheckpointInfo(name="less", path=folder, record=shipped["lora-8"].record, shipped=False)
    other = variant(shipped["lora-8"], train={"seed": 1})
    counts = build_table([info, other]).row("lora-8-own").reproduction.counts
    assert not counts.agree
    assert counts.by_file.trainable < counts.by_hand.trainable


# ---------------------------------------------------------------------------------------------------------------------
# The results file of `reproduce`


def results_of(infos, rows, tmp_path):
    """A results file with these runs, row name → (names of runs, what the report says)."""
    runs = []
    for info in infos:
        record = info.record
        right = "1" * round(record.test.accuracy * record.test.n)
        runs.append(
            RunResult(
                name=info.name,
                state="done",
                config=record.config,
                base_fingerprint=record.base_fingerprint,
                data_fingerprint=record.data_fingerprint,
                peak_bytes=123_000_000,
                weights="0" * 12,
                record=record.model_copy(update={"test_probabilities": None}),
                test_right=right.ljust(record.test.n, "0"),
            )
        )
    results = Results(
        settings=Settings(),
        base_fingerprint=infos[0].record.base_fingerprint,
        rows=[RowResult(name=n, runs=r, report=q, note=f"note of {n}") for n, (r, q) in rows.items()],
        runs=runs,
        yardsticks=[
            YardstickResult(
                name="bag-of-words-2000", state="not run", config=YardstickConfig(train_size=2000), data_fingerprint="0"
            )
        ],
    )
    path = tmp_path / "results.json"
    write_results(results, path)
    return path


def test_rows_of_the_results_file_keep_their_runs_apart(shipped, tmp_path):
    adapter = shipped["adapter-8"]
    again = variant(adapter, "adapterhub-8", train={"seed": 3})
    rows = {
        "adapter-8": (("adapter-8",), "adapter-8-own"),
        "adapterhub-8": (("adapterhub-8",), "adapter-8-adapterhub"),
    }
    path = results_of([adapter, again], rows, tmp_path)
    table = build_table([adapter], results=path)
    first, second = table.row("adapter-8-own"), table.row("adapter-8-adapterhub")
    assert [run.name for run in first.reproduction.runs] == ["adapter-8"]
    assert [run.name for run in second.reproduction.runs] == ["adapterhub-8"]
    assert second.same_runs_as is None
    assert (first.note, second.note) == ("note of adapter-8", "note of adapterhub-8")
    here, gone = first.reproduction.runs[0], second.reproduction.runs[0]
    assert here.path == adapter.path and here.file and here.process_bytes == 123_000_000  # one run, not two
    assert gone.path is None and gone.file is None and "not on this computer" in gone.problem
    assert [y.train_reviews for y in table.yardsticks] == [2000]
    assert table.yardsticks[0].test is None


def test_the_base_model_itself_is_told_where_a_run_that_starts_from_it_noted_it(shipped):
    adapter, soft = (
        variant(info, test_curve=tuple((step, 0.8 + step / 1e6) for step, _ in info.record.validations))
        for info in (shipped["adapter-8"], shipped["soft-prompt-10"])
    )
    untrained = build_table([soft, adapter]).untrained
    assert (untrained.accuracy, untrained.n) == (pytest.approx(0.8), adapter.record.test.n)
    assert untrained.low < 0.8 < untrained.high
    assert build_table([soft]).untrained is None  # a soft prompt is not the identity before it is trained
    assert build_table([variant(adapter, test_curve=None)]).untrained is None


def test_a_damaged_results_file_is_said(shipped, tmp_path):
    path = results_of([shipped["full"]], {"full": (("full",), None)}, tmp_path)
    assert load_results(path).runs[0].name == "full"
    path.write_text(json.dumps({"format": 1}))
    with pytest.raises(PeftClassroomError, match="damaged"):
        build_table([], results=path)
