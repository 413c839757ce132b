"""Measured costs are read back, are of the base models that are here, and a damaged file is refused."""

import pytest

from benchmarks import cost
from peft_core.checkpoints.listing import list_checkpoints
from peft_core.counting.by_hand import count
from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import method_of
from peft_core.report.costs.measured import load_cost, load_step_zero, write_report
from peft_core.t5.architecture import base_model


def test_a_report_is_read_back_and_a_damaged_one_is_a_sentence(tmp_path):
    path = tmp_path / "cost.json"
    with pytest.raises(PeftClassroomError, match="missing"):
        load_cost(path)
    report = load_cost()
    write_report(report, path)
    assert load_cost(path) == report
    text = path.read_text()
    for odd in (
        text.replace('"peak_bytes"', '"peak"'),
        text.replace('"batch": 32', '"batch": "many"'),
        text[:-9],
        "[]",
    ):
        assert odd != text
        path.write_text(odd)
        with pytest.raises(PeftClassroomError, match="damaged"):
            load_cost(path)


def test_the_shipped_costs_are_of_the_base_models_that_are_here():
    report = load_cost()
    for row in report.training:
        counted = count(base_model(row.shape).architecture, row.method)
        again = f"{row.shape} has changed: measure again, {report.provenance.command}"
        assert row.trainable_parameters == counted.trainable_parameters, again
        assert row.total_parameters == counted.total_parameters, again
        assert row.rest > 0
        assert len(row.peak_bytes) == len(row.step_seconds) >= 3
    assert {row.shape for row in report.training} == set(cost.DEFAULTS)


def test_the_shipped_step_zero_is_of_the_shipped_base_model():
    report = load_step_zero()
    shipped = {info.record.base_fingerprint for info in list_checkpoints() if info.shipped and info.base == report.base}
    assert shipped == {report.base_fingerprint}, f"measure again: {report.provenance.command}"
    for row in report.rows:
        moved = row.largest_change > 0
        assert moved is not method_of(row.method).starts_as_base(row.method)
        assert moved or (row.changed_verdicts, row.accuracy) == (0, report.base_accuracy)
