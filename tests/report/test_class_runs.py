"""A class's runs as an experiment: what is put together, what is left out and why, and what the line then says."""

from dataclasses import replace

import numpy as np
import pytest

from peft_core.checkpoints.record import Measured
from peft_core.config import RunConfig, TrainConfig
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import METHODS
from peft_core.report.experiments.class_runs import ClassRun, fit, groups
from peft_core.reviews.config import DataConfig
from peft_core.statistics.intervals import wilson
from tests.cases import every_config
from tests.trained import make_record

N = 1_000


def run(number, method=None, right=850, seed=0, **settings):
    """One that went to its end, number so many."""
    method = LoraConfig(r=4, alpha=8) if method is None else method
    data = DataConfig(**{name: settings.pop(name) for name in list(settings) if name in DataConfig.model_fields})
    config = RunConfig(method=method, data=data, train=TrainConfig(seed=seed, **settings))
    measured = {"test": wilson(right, N), "validation": wilson(right // 2, N // 2)}
    return ClassRun(f"20260101-0000{number:02}-aaaaaa", config, "done", 100 * number, measured, "base")


def lora(r, **fields):
    return LoraConfig(**{"r": r, "alpha": 2.0 * r} | fields)


def test_runs_that_differ_in_rank_and_seed_alone_are_one_experiment():
    made = [run(n, lora(r), seed=n) for n, r in enumerate((1, 2, 2, 4, 8))]
    (group,) = groups(made)
    assert group.runs == tuple(made)
    assert [each.knob for each in group.runs] == [1, 2, 2, 4, 8]


@pytest.mark.parametrize(
    "other",
    [
        run(9, lora(4, alpha=16)),
        run(9, lora(4, target_modules=("q",))),
        run(9, AdapterConfig()),
        run(9, train_size=2_000),
        run(9, test_size=600),
        run(9, max_length=64),
        run(9, task="lie"),
        run(9, epochs=3),
        run(9, batch_size=16),
        run(9, learning_rate=1e-4),
        replace(run(9), config=RunConfig(base="t5-small", method=lora(4))),
        replace(run(9), config=RunConfig(method=lora(4), start_from="a" * 64)),
    ],
    ids=lambda other: other.config.model_dump_json(exclude_defaults=True)[:60],
)
def test_whatever_else_differs_makes_it_another_one(other):
    made = [run(n, lora(r), seed=n) for n, r in enumerate((1, 2))]
    first, second = groups([other, *made])
    assert first.runs == tuple(made)
    assert second.runs == (other,)
    assert first.key != second.key


def test_what_changes_nothing_of_a_run_that_went_to_its_end_is_no_other_setting():
    (group,) = groups([run(1), run(2, max_seconds=300.0, seed=5), run(3, learning_rate=METHODS["lora"].learning_rate)])
    assert len(group.runs) == 3


def test_rslora_keeps_alpha():
    assert len(groups([run(n, lora(r, alpha=16, use_rslora=True)) for n, r in enumerate((1, 2, 4))])) == 1
    assert len(groups([run(n, lora(r, alpha=16)) for n, r in enumerate((1, 2, 4))])) == 3


@every_config
def test_a_method_with_a_number_of_its_own_says_what_stays_when_it_is_turned(config):
    method = METHODS[config.method]
    shared = method.beside_knob(config)
    if method.knob:
        assert method.knob.field not in shared
        assert set(type(config).model_fields) - {"method", method.knob.field} <= set(shared)
    else:
        assert set(shared) == set(type(config).model_fields) - {"method"}


def test_each_run_that_is_not_in_the_line_is_left_out_for_a_reason():
    made = [run(n, lora(r), seed=n) for n, r in enumerate((1, 2, 4, 8), 10)]
    again = run(20, lora(2), seed=11)
    early = replace(run(21, lora(16), seed=3), state="early")
    other = replace(run(22, lora(16), seed=4), given="another")
    config = RunConfig(method=lora(2), train=TrainConfig(seed=9))
    going = ClassRun.going("20260101-000030-aaaaaa", config, wilson(300, 500))
    (group,) = groups([going, other, early, again, *made])
    found = fit(group, "knob", "test")
    assert found.used == tuple(made)
    assert found.left_out == {"going": (going,), "early": (early,), "again": (again,), "other_base": (other,)}
    assert found.values == (1, 2, 4, 8)
    assert found.trend.runs == 4


def test_a_hand_made_class_has_the_slope_it_was_made_with():
    """The same log-odds more at every doubling: the line goes through all of them, along ranks and on either split."""
    right = [round(N / (1 + np.exp(-(1 + 0.2 * k)))) for k in range(5)]
    (group,) = groups([run(n, lora(2**n), right=k, seed=n) for n, k in enumerate(right)])
    for split in ("test", "validation"):
        found = fit(group, "knob", split).trend
        assert found.slope == pytest.approx(0.2, abs=0.02)
        assert found.told


def test_too_few_different_values_are_no_line_but_still_an_experiment():
    (group,) = groups([run(n, lora(r), seed=n) for n, r in enumerate((1, 1, 2, 2))])
    found = fit(group, "knob", "test")
    assert found.trend is None
    assert found.values == (1, 2)
    (whole,) = groups([run(n, FullConfig(), seed=n) for n in range(3)])
    assert fit(whole, "knob", "test").values == ()
    assert fit(whole, "knob", "test").trend is None


def test_the_largest_experiment_comes_first():
    made = [run(1), run(2, AdapterConfig(), seed=1), run(3, AdapterConfig(), seed=2)]
    assert [group.setting["method"] for group in groups(made)] == ["adapter", "lora"]


def test_a_record_becomes_a_run(backbone):
    record = make_record(backbone, LoraConfig(r=2))
    made = ClassRun.ended("20260101-000001-aaaaaa", record)
    assert (made.state, made.knob, made.trainable_parameters) == ("done", 2, record.trainable_parameters)
    assert made.measured == {"test": record.test, "validation": record.validation}
    assert isinstance(made.measured["test"], Measured)
    stopped = record.model_copy(update={"stopped_by": "max_seconds"})
    assert ClassRun.ended("20260101-000001-aaaaaa", stopped).state == "early"


def test_a_run_that_trains_is_counted_by_hand():
    from peft_core.counting.by_hand import count
    from peft_core.t5.architecture import base_model

    config = RunConfig(method=AdapterConfig(bottleneck_dim=5))
    found = ClassRun.going("20260101-000001-aaaaaa", config, None)
    assert found.trainable_parameters == count(base_model("tiny-t5").architecture, config.method).trainable_parameters
    assert not found.measured
