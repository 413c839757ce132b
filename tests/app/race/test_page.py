"""The race on the page: a guess before the start, nothing ahead of its measurement, and a link to any moment."""

import re

import pytest

from app.race import chart, lanes
from app.race.clock import Clock
from peft_core.methods.registry import METHODS
from peft_core.report.race import mark


@pytest.fixture
def light(monkeypatch):
    from app.kit import theme

    monkeypatch.setattr(theme, "is_dark", lambda: False)


def test_nothing_is_drawn_that_was_not_measured_yet(light):
    known = lanes.known()
    chosen = [known[key] for key in lanes.at_first(known)]
    assert [lane.method.method for lane in chosen] == list(METHODS)  # one lane a method
    goal = mark(chosen)
    for position in (0, 4000, 5024, 12_000, 20_000):
        rows = chart.data(chosen, "reviews", position, goal)
        for name in ("paths", "bars", "heads"):
            assert rows[name]["x"].max() <= position
        assert (rows["bands"]["x2"] <= position).all()
        for number, lane in enumerate(chosen):
            heads = rows["heads"]
            words = heads[heads["lane"] == number]["words"].item()
            assert words == f"{lane.first.last('reviews', position).validation.accuracy:.1%}"
    form = {chart._form(len(chosen), chart.LANE, "reviews", 20_000, "92%", False) for _ in range(3)}
    assert len(form) == 1


def test_a_clock_goes_on_where_it_stood_and_stops_at_the_end():
    clock = Clock(0.25, since=100.0)
    assert clock.now(20, at=105.0) == 0.5
    assert clock.now(20, at=500.0) == 1.0
    clock.reset()
    assert (clock.now(20), clock.running) == (0.0, False)


def test_a_guess_comes_before_the_start_and_is_told_at_the_end(checked_charts, open_page):
    app = open_page("race")
    start = app.get_by_key("race_start")
    assert start.disabled
    app.get_by_key("race_guess_first").set_value("lora-8").run()
    app.get_by_key("race_guess_highest").set_value("prefix-10").run()
    assert not app.get_by_key("race_start").disabled
    app.get_by_key("race_start").click().run()
    assert not app.exception
    assert app.get_by_key("race_pause")
    app.session_state["race clock"] = Clock(1.0)
    app.run()
    assert not app.exception
    told = " ".join(m.value for m in app.markdown)
    assert "You said LoRA r=8 and Prefix n=10: one of two" in told
    assert re.search(r"McNemar", told) and "Chance can explain" in told
    app.get_by_key("race_again").click().run()
    assert app.get_by_key("race_guess_first").value == "lora-8"


def words_of(page) -> str:
    (words,) = [element.proto.alt for element in page.get("vega_lite_chart")]
    return words


def test_over_seconds_every_method_races_on_one_machine_and_who_was_not_there_does_not(open_page):
    half = open_page("race", race_at="50", race_along="seconds")
    assert half.query_params["race_at"] in ("50", ["50"])
    known = lanes.known()
    assert all(known[key].label in words_of(half) for key in lanes.at_first(known))
    (machine,) = {racer.machine for racer in lanes.known()["layer-norm"].elsewhere}
    assert any(machine in caption.value for caption in half.caption)

    mixed = open_page("race", race_at="50", race_along="seconds", lane=["lora-64", "lora-1", "layer-norm"])
    assert any("Layer norms" in c.value and "another machine" in c.value for c in mixed.caption)
    assert "Layer norms" not in words_of(mixed) and "LoRA r=64" in words_of(mixed)
    assert not any(machine in caption.value for caption in mixed.caption)


def test_all_methods_are_queued_with_one_budget_as_many_as_the_queue_takes(open_page, line):
    app = open_page("race", race="live")
    assert app.get_by_key("race_queue").disabled
    app.get_by_key("race_guess_highest").set_value("ia3").run()
    app.get_by_key("race_queue").click().run()
    assert not app.exception
    assert [spec.config.method.method for spec in line] == list(METHODS)[: len(line)]
    assert len({(spec.config.data, spec.config.train) for spec in line}) == 1
    assert app.query_params["race_run"] == [spec.id for spec in line]
    assert any(f"{len(line)} of {len(METHODS)} runs were taken" in i.value for i in app.info)


def test_over_seconds_a_race_begins_before_anything_was_measured(light):
    known = lanes.known()
    chosen = [known[key] for key in lanes.at_first(known)]
    first = min(lane.first.moments[0].at("seconds") for lane in chosen)
    assert first > 0
    rows = chart.data(chosen, "seconds", 0, mark(chosen))
    assert len(rows["lanes"]) == len(chosen) and all(rows[name].empty for name in ("paths", "bars", "bands", "heads"))
