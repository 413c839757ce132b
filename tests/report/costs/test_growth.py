"""What was measured of sweeps is read back, has every point, and a damaged file is refused."""

import pytest

from benchmarks.growth import LONG
from peft_core.counting.by_hand import count
from peft_core.errors import PeftClassroomError
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import method_label, what_costs
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.report.costs.growth import (
    KNOBS,
    TURNED,
    GrowthReport,
    ServingCost,
    TrainingSweep,
    alike,
    load_growth,
    nearest,
)
from peft_core.report.costs.measured import load_cost, write_report
from peft_core.t5.architecture import base_model
from tests.cases import CASES, TINY


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
    for config in CASES.values():
        assert count(TINY, what_costs(config)) == count(TINY, config)


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
