"""A change of customer: the recorded one until somebody presses, then this server's own; many presses are one."""

import threading

import pytest

from app import services
from app.content import text
from app.home import swap
from app.services import swaps
from peft_core.checkpoints.asking import swaps as timing
from peft_core.errors import PeftClassroomError
from peft_core.report.costs.swap import load_swap


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(swaps, "ROUNDS", 3)
    swaps.measured_swaps.clear()
    yield
    swaps.measured_swaps.clear()


def said(app):
    return " ".join(m.value for m in (*app.markdown, *app.caption))


def test_the_record_says_that_it_is_one_and_a_press_measures_here(open_page, few):
    app = open_page("home", about="why", customers="100")
    recorded = load_swap()
    assert text("home", "swap_recorded", **swap.values(recorded.times)) in said(app)
    assert recorded.provenance.machine in said(app)
    app.button(key="swap").click().run()
    assert not app.exception
    found = app.session_state[swap.HERE]
    assert len(found.small) == len(found.whole) == 3
    assert found.checkpoints == recorded.times.checkpoints
    words = said(app)
    assert text("home", "swap_measured", seconds=services.SWAP_SECONDS, **swap.values(found)) in words
    assert "Recorded, not measured here" not in words
    app.slider(key="customers").set_value(10).run()
    assert app.session_state[swap.HERE] is found
    assert "**10 customers:" in said(app)


def test_a_class_that_presses_together_is_one_measurement(few, monkeypatch):
    begun, real = [], timing.swaps
    monkeypatch.setattr(timing, "swaps", lambda *given: (begun.append(1), real(*given))[1])
    found = []
    threads = [threading.Thread(target=lambda: found.append(services.measured_swaps("tiny-t5"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(begun) == 1
    assert len({id(one) for one in found}) == 1
    assert services.measured_swaps("tiny-t5") is found[0]  # and who presses again


def test_where_it_cannot_be_measured_the_record_stays_and_a_sentence_says_why(open_page, few, monkeypatch):
    def busy(base):
        raise PeftClassroomError("Many people are asking the models right now; try again in a moment.")

    monkeypatch.setattr(services, "measured_swaps", busy)
    app = open_page("home", about="why")
    app.button(key="swap").click().run()
    assert "Many people" in app.warning[0].value
    assert "Recorded, not measured here" in said(app)
    app.run()
    assert not app.warning


def test_the_record_is_of_pairs_and_the_small_ones_are_faster():
    times = load_swap().times
    assert len(times.small) == len(times.whole) >= 20
    assert times.ratio.verdict == "slower"
    middle, low, high = times.range_of("small")
    assert low <= middle <= high
