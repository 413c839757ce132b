"""Times of predictions are read back and compared in pairs; the shipped ones are of the forms that are measured."""

import pytest

from benchmarks import latency
from peft_core.errors import PeftClassroomError
from peft_core.report.costs.latency import AGAIN, BASE, load_latency
from peft_core.report.costs.measured import write_report
from peft_core.t5.architecture import base_model
from tests.benchmarks.test_latency import adapter_by_hand, by_hand, lora_by_hand


def test_a_report_is_read_back_and_a_damaged_one_is_a_sentence(tmp_path):
    path = tmp_path / "latency.json"
    with pytest.raises(PeftClassroomError, match="missing"):
        load_latency(path)
    report = load_latency()
    write_report(report, path)
    assert load_latency(path) == report
    path.write_text(path.read_text().replace('"base_again"', '"base_once_more"'))
    with pytest.raises(PeftClassroomError, match="damaged"):
        load_latency(path)


def test_a_ratio_is_of_the_same_rounds_and_batch():
    report = load_latency()
    base = report.row("tiny-t5", BASE, 1)
    assert report.against_base(base) == report.against_base(base)
    twice = base.model_copy(update={"seconds": tuple(2 * seconds for seconds in base.seconds)})
    found = report.against_base(twice)
    assert (found.ratio, found.low, found.high) == pytest.approx((2, 2, 2))
    assert found.n == len(base.seconds)


def test_the_shipped_times_are_of_the_shapes_and_forms_that_the_command_measures():
    report = load_latency()
    again = f"measure again: {report.provenance.command}"
    wanted = [(shape, form, batch) for shape in report.shapes for batch in latency.ROUNDS for form in latency.FORMS]
    assert {"tiny-t5"} <= {*report.shapes} <= {*latency.SHAPES}
    assert [(row.shape, row.form, row.batch) for row in report.rows] == wanted, again
    for row in report.rows:
        a = base_model(row.shape).architecture
        assert len(row.seconds) >= 40, again
        if row.form in (BASE, AGAIN, "lora_merged"):
            assert row.multiplications == row.batch * by_hand(a, row.width), again
        if row.form == "lora":
            assert report.more(row) == pytest.approx(lora_by_hand(a, row.method.r, row.width) / by_hand(a, row.width))
        if row.form == "adapter":
            more = adapter_by_hand(a, row.method.bottleneck_dim, row.width)
            assert report.more(row) == pytest.approx(more / by_hand(a, row.width))
