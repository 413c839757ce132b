"""A race: what a lane knows at a moment is what was last measured, and what is not known is not told."""

from dataclasses import replace

import numpy as np
import pytest

from peft_core.config import RunConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import METHODS
from peft_core.report.race import (
    Lane,
    Moment,
    Racer,
    first_to,
    highest,
    length,
    mark,
    of_metrics,
    pairs,
    recorded,
    side_by_side,
)
from peft_core.report.reproduction.results import load_results, shipped_race, shipped_results
from peft_core.reviews.config import DataConfig
from peft_core.statistics.intervals import wilson

RESULTS = load_results(shipped_results("tiny-t5"))
RACE = load_results(shipped_race("tiny-t5"))
LANES = side_by_side(recorded(RESULTS))


def lane(
    key: str, *accuracies: float, seconds: float | None = 10.0, right: str = "", seed: int = 0, machine: str = "it"
) -> Lane:
    """A lane that was validated at 0, 100, 200 … reviews, every one of them after so many seconds of the machine."""
    moments = tuple(
        Moment(100 * number, None if seconds is None else 1 + seconds * number, wilson(round(1000 * accuracy), 1000))
        for number, accuracy in enumerate(accuracies)
    )
    answers = tuple(bit == "1" for bit in right) or None
    racer = Racer(key, seed, moments, None if seconds is None else machine, test_right=answers)
    return Lane(key, LoraConfig(), 1, None, (racer,))


def test_the_shipped_runs_are_lanes_with_their_seeds():
    assert {run.name for run in RESULTS.runs if run.record} == {r.name for one in LANES for r in one.racers}
    assert len({one.racers for one in LANES}) == len(LANES)  # rows that share their runs are one lane
    by_key = {one.key: one for one in LANES}
    for one in LANES:
        run = RESULTS.result(one.first.name)
        assert [m.validation.accuracy for m in one.first.moments] == [p.validation for p in run.points]
        assert one.first.end.reviews == run.config.data.train_size * run.config.train.epochs
        assert one.trainable_parameters == run.record.trainable_parameters
        assert one.first.timed == (run.examples_per_second is not None)
    assert [racer.seed for racer in by_key["lora-8"].racers] == [0, 1, 2]
    assert [racer.timed for racer in by_key["lora-8"].racers] == [
        True,
        True,
        False,
    ]  # the third: a machine without bf16


def test_the_runs_of_the_race_are_of_one_machine_and_of_every_method():
    assert {run.config.method.method for run in RACE.runs if run.record} == set(METHODS)
    assert all(run.examples_per_second for run in RACE.runs if run.record)
    assert len({run.record.device for run in RACE.runs if run.record}) == 1
    first = [lane for lane in recorded(RACE) if lane.first.timed]
    told = side_by_side([one for one in recorded(RESULTS, RACE) if one.key in {lane.key for lane in first}])
    assert [one.first for one in told] == [one.first for one in first if one.key in {lane.key for lane in told}]


def test_seconds_of_two_machines_are_never_side_by_side():
    fast, slow, once = lane("a", 0.5, 0.8, machine="fast"), lane("a", 0.5, 0.9, machine="slow"), lane("b", 0.5, 0.7)
    both = replace(
        slow, elsewhere=fast.racers, racers=(*slow.racers, lane("a1", 0.4, 0.6, machine="slow", seed=1).first)
    )
    other = lane("c", 0.5, 0.7, machine="fast")
    told = side_by_side([both, once, other])  # fast has timed two of them
    assert [one.first.machine for one in told] == ["fast", None, "fast"]
    assert told[0].first == fast.first
    assert [racer.name for racer in told[0].racers] == ["a", "a1"]  # each seed once
    assert told[0].band("reviews", 100) == (0.6, 0.8)  # the other seed is a band over reviews, not over seconds
    assert told[0].along("seconds").band("seconds", 100) is None
    assert told[1].along("seconds") is None
    assert side_by_side([both])[0].first.machine == "slow"  # two runs there, one here: it has timed as much, and first
    untimed = lane("d", 0.5, seconds=None)
    assert side_by_side([untimed]) == (untimed,)


@pytest.mark.parametrize("along", ["reviews", "seconds"])
def test_between_two_measurements_a_lane_knows_the_last_one(along):
    for one in filter(None, (each.along(along) for each in LANES)):
        places = [m.at(along) for m in one.first.moments]
        assert one.first.last(along, places[0] - 1) is None
        for moment, start, end in zip(one.first.moments, places, [*places[1:], np.inf], strict=True):
            for position in (start, np.nextafter(min(end, 1e9), 0)):
                assert one.first.last(along, position) == moment


def test_a_time_of_a_busy_machine_is_on_no_axis_and_in_no_band():
    busy = lane("busy", 0.5, 0.9, seconds=None)
    assert busy.along("seconds") is None
    assert busy.along("reviews") == busy
    both = replace(lane("a", 0.5, 0.8), racers=(lane("a", 0.5, 0.8).first, lane("b", 0.6, 0.9, seconds=None).first))
    assert both.band("reviews", 100) == (0.8, 0.9)
    assert both.along("seconds").band("seconds", 100) is None


def test_who_is_first_and_who_ends_highest():
    lanes = [lane("a", 0.5, 0.8, 0.91), lane("b", 0.5, 0.9, 0.85, seconds=50.0), lane("c", 0.5, 0.9, 0.91)]
    assert mark(lanes) == 0.91
    assert mark(lanes[:1]) == 0.91
    assert [one.key for one in highest(lanes)] == ["a", "c"]
    first, place = first_to(lanes, 0.9, "reviews")
    assert ([one.key for one in first], place) == (["b", "c"], 100)  # at the same validation: nobody knows more
    first, place = first_to(lanes, 0.9, "seconds")
    assert ([one.key for one in first], place) == (["c"], 11)
    assert first_to(lanes, 0.99, "reviews") == ((), np.inf)
    assert length(lanes, "reviews") == 200


def test_a_mark_is_reached_by_half_of_the_lanes_and_no_higher_percent_is():
    goal = mark(LANES)
    reach = [max(m.validation.accuracy for m in one.first.moments) for one in LANES]
    assert 2 * sum(best >= goal for best in reach) >= len(LANES)
    assert 2 * sum(best >= goal + 0.01 for best in reach) < len(LANES) + 1


def test_ends_are_compared_on_the_test_reviews_all_pairs_corrected():
    found = {(pair.first, pair.second): pair for pair in pairs(LANES)}
    full, lora = ("full", "lora-8")
    right = {name: np.array([bit == "1" for bit in RESULTS.result(name).test_right]) for name in (full, lora)}
    test = found[full, lora].test
    assert test.difference == pytest.approx(right[full].mean() - right[lora].mean())
    assert found[full, lora].p_holm >= test.p
    assert pairs([lane("a", 0.5, right="01"), lane("b", 0.5)]) == ()  # one alone
    assert pairs([lane("a", 0.5, right="01"), lane("b", 0.5, right="011")]) == ()  # of different reviews


def test_a_run_under_way_is_a_lane_from_its_first_validation_on():
    config = RunConfig(method=LoraConfig(r=2), data=DataConfig(train_size=64, validation_size=40))
    step = {"event": "step", "step": 1, "seconds": 1.0}
    assert of_metrics("x", config, [step]) is None
    lines = [
        step | {"event": "validation", "step": n, "seconds": s, "accuracy": 0.5, "low": 0.4, "high": 0.6}
        for n, s in ((0, 1.0), (2, 5.0))
    ]
    one = of_metrics("x", config, lines)
    assert [(m.reviews, m.seconds) for m in one.first.moments] == [(0, 1.0), (64, 5.0)]
    assert one.method.method in METHODS
