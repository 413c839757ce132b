"""Dials in the Playground: every dial that a method has, in the link, with needles and an accuracy that follow."""

import json
from dataclasses import replace
from threading import Event
from types import SimpleNamespace

import pytest

from app import services
from app.content import label
from app.playground.dials import accuracy, section
from app.playground.dials.section import STOPS
from app.services.dials import AT_A_TIME, FIXED_A_LABEL, FixedTest, Place, fixed_reviews, fixed_test
from peft_core.checkpoints.dials.setting import AS_TRAINED, Setting
from peft_core.checkpoints.listing import find_checkpoint
from peft_core.reviews.config import Learned

REVIEW = "a dull film with one good scene"


def opened(open_page, name: str, **query: str):
    app = open_page("playground", tab="dials", checkpoint=name, **query)
    app.get_by_key("review").set_value(REVIEW).run()
    assert not app.exception
    return app


def said(app) -> dict[str, str]:
    """The rows of the needles' description for screen readers: who → p(positive)."""
    every = [json.loads(each.proto.json) for each in app.get("bidi_component")]
    (drawn,) = [each for each in every if "rows" in each]
    words = drawn["alt"]
    assert all(f"{row['who']} {row['p']:.1%}" in words and f"{row['p']:.1%}" in row["words"] for row in drawn["rows"])
    before = label("dials", "needles_alt", p=drawn["axis"], rows="").rstrip(".")
    rows = words.removeprefix(before).rstrip(".").split("; ")
    return dict(row.rsplit(" ", 1) for row in rows)


def test_the_dials_are_the_methods_own_and_stand_in_the_link(open_page):
    app = opened(open_page, "lora-8", dial_factor="2", dial_terms="3")
    assert app.get_by_key("dial_factor").value == 2
    assert app.get_by_key("dial_terms").value == 3
    place = Place(find_checkpoint("lora-8"), Setting(factor=2.0, terms=3))
    now = f"{services.dials.dial(place, REVIEW):.1%}"
    assert said(app)[label("dials", "now")] == now
    app.get_by_key("dial_on").set_value(False).run()
    needles = said(app)
    assert needles[label("dials", "now")] == needles["tiny-t5, untrained"]
    app.get_by_key("dial_on").set_value(True).run()
    app.get_by_key("dial_factor").set_value(1).run()
    app.get_by_key("dial_terms").set_value(8).run()
    needles = said(app)
    assert needles[label("dials", "now")] == needles["lora-8"] == f"{_alone('lora-8'):.1%}"
    assert "dial_factor" not in app.query_params


def _alone(name: str) -> float:
    return services.ask([REVIEW], [find_checkpoint(name)])[0][0].probability_positive


@pytest.mark.parametrize(
    ("name", "keys"), [("soft-prompt-10", {"dial_on", "dial_rows"}), ("ia3", {"dial_on", "dial_factor"})]
)
def test_a_dial_that_a_method_has_not_is_not_offered(open_page, name, keys):
    app = opened(open_page, name)
    widgets = {w.key for kind in ("toggle", "slider", "select_slider") for w in app.get(kind) if w.key}
    assert widgets & {"dial_on", "dial_factor", "dial_terms", "dial_rows"} == keys
    assert said(app)[label("dials", "now")] == f"{_alone(name):.1%}"


def test_two_of_one_method_are_blended_and_the_accuracy_follows(checked_charts, open_page):
    between = Place(find_checkpoint("lora-8"), AS_TRAINED, find_checkpoint("lora-1"), 1.0)
    services.dials._fixed_tests.clear()
    fixed_test(between)  # as its timer does, after the page has been drawn
    app = opened(open_page, "lora-8", dial_second="lora-1", dial_t="1")
    needles = said(app)
    assert needles[label("dials", "now")] == needles["lora-1"]
    (words,) = [m.value for m in app.markdown if "fixed test reviews" in m.value and "blended" in m.value]
    assert f"of {AT_A_TIME} so far" in words


def test_a_dial_that_is_moved_waits_for_no_fixed_review(open_page):
    """They are asked by a timer: what draws the needle draws nothing that takes longer."""
    services.dials._fixed_tests.clear()
    opened(open_page, "lora-8", dial_factor="2")
    assert not services.dials.known(Place(find_checkpoint("lora-8"), Setting(factor=2.0))).right
    assert not services.dials._fixed_tests()


def test_a_timer_asks_ahead_then_the_fixed_reviews_and_ends_itself(monkeypatch):
    drawn, sent, wanted = [], [], 2 * FIXED_A_LABEL
    known = {"asked": 0}
    place = Place(find_checkpoint("lora-8"), Setting(factor=2.0))

    def test_of(one: Place, more: int = 0) -> FixedTest:
        known["asked"] += more
        return FixedTest(wanted, [True] * (known["asked"] if one is place else wanted))

    monkeypatch.setattr(services.dials, "known", test_of)
    monkeypatch.setattr(services.dials, "fixed_test", lambda one: test_of(one, wanted // 2))
    monkeypatch.setattr(accuracy.st, "fragment", lambda run_every: lambda f: drawn.append((f, run_every)) or f)
    monkeypatch.setattr(accuracy, "_show", lambda tests, texts: sent.append(len(tests["now"].right)))
    monkeypatch.setattr(accuracy, "get_script_run_ctx", lambda: SimpleNamespace(enqueue=sent.append))
    monkeypatch.setattr(accuracy.ThreadState, "get", lambda: SimpleNamespace(fragment_id="of the reviews"))
    services.libraries().finished.wait(timeout=120)
    begun, through = [], Event()
    accuracy.draw(place, lambda: begun.append("ahead") or through)
    ((follow, seconds),) = drawn
    assert sent == [0] and seconds and not begun  # drawn with the needle, it asks nothing
    follow()
    follow()
    assert sent == [0, 0, 0] and begun == ["ahead"]  # while the places around are asked, once
    through.set()
    follow()
    follow()
    assert sent[3:5] == [wanted // 2, wanted]
    assert list(sent[5].stop_auto_rerun.fragment_ids) == ["of the reviews"] and len(sent) == 6


@pytest.mark.parametrize(
    ("setting", "nearest", "in_all"),
    [
        (Setting(), [Setting(factor=0.5), Setting(factor=1.5), Setting(terms=7)], 6 + 8),
        (Setting(factor=0.0, terms=0), [Setting(factor=0.25, terms=0), Setting(factor=0.0, terms=1)], 6 + 8),
        (
            Setting(factor=3.0, terms=7),
            [Setting(factor=2.0, terms=7), Setting(factor=3.0, terms=6), Setting(factor=3.0)],
            6 + 8,
        ),
        (Setting(on=False), [AS_TRAINED], 1),
    ],
)
def test_every_place_that_one_move_leads_to_is_asked_ahead_the_nearest_first(setting, nearest, in_all):
    place = Place(find_checkpoint("lora-8"), setting)
    around = [one.setting for one in section._around(place)]
    assert around[: len(nearest)] == nearest
    assert len(around) == len(set(around)) == in_all and setting not in around
    for one in around if setting.on else ():
        assert (one.factor != setting.factor) + (one.terms != setting.terms) == 1


def test_of_two_that_are_blended_every_stop_between_them_is_asked_ahead():
    between = section._around(Place(find_checkpoint("lora-8"), AS_TRAINED, find_checkpoint("lora-1"), 0.95))
    assert [one.t for one in between[:3]] == [0.9, 1.0, 0.85]
    assert sorted(one.t for one in between) == [round(0.05 * n, 2) for n in range(21) if n != 19]


def test_a_dial_finds_what_was_asked_ahead_and_nobody_keeps_the_text(monkeypatch):
    near = [Place(find_checkpoint("ia3"), Setting(factor=float(stop))) for stop in (0.5, 2)]
    gone = replace(near[0], info=near[0].info.model_copy(update={"path": near[0].info.path / "gone"}))
    assert services.dials.ask_ahead("somebody", REVIEW, [near[0], gone, near[1]]).wait(60)
    asked = services.dials.dial(near[1], "another text, after it in line")
    monkeypatch.setattr(services.dials, "exclusive_predictor", lambda *_, **__: pytest.fail("computed again"))
    found = [services.dials.dial(place, REVIEW) for place in near]
    assert len({asked, *found}) == 3
    assert REVIEW not in repr(services.dials._answers())


def test_the_fixed_reviews_are_the_same_for_all_half_of_each_label_and_a_place_is_measured_once():
    texts, labels = fixed_reviews()
    assert len(texts) == 2 * FIXED_A_LABEL == 2 * sum(labels)
    assert dict(zip(*fixed_reviews(Learned(task="lie")), strict=True)) == {
        text: 1 - label for text, label in zip(texts, labels, strict=True)
    }
    place = Place(find_checkpoint("ia3"), AS_TRAINED)
    before = len(fixed_test(place).right)
    now = fixed_test(place)
    assert len(now.right) == before + AT_A_TIME
    found = services.ask(list(texts[: len(now.right)]), [place.info])[0]
    assert now.right == [(p.probability_positive > 0.5) == y for p, y in zip(found, labels, strict=False)]


def test_the_stops_hold_off_as_trained_and_the_most():
    assert STOPS == (0, 0.25, 0.5, 1, 1.5, 2, 3)
