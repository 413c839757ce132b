"""The clock of a run, told the time by hand."""

import pytest

from peft_core.training.loop import clock as module
from peft_core.training.loop.clock import SETTLING_STEPS, Clock


@pytest.fixture
def now(monkeypatch):
    """The time, which moves when a test adds to it."""
    time = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: time[0])
    return time


def steps(clock, now, seconds, number=1):
    for _ in range(number):
        with clock.step(examples=32):
            now[0] += seconds


def test_a_clock_that_stands_still_counts_no_time(now):
    clock = Clock(max_seconds=10)
    now[0] += 4
    clock.read()
    with clock.standing_still():
        now[0] += 1_000
    now[0] += 3
    clock.read()
    assert clock.seconds == 7 and not clock.out_of_time
    now[0] += 3
    assert clock.out_of_time


def test_pace_and_affordable_steps_leave_out_the_first_ones(now):
    clock = Clock(max_seconds=100)
    steps(clock, now, 5.0, SETTLING_STEPS)
    assert clock.examples_per_second is None and clock.affordable_steps() is None
    steps(clock, now, 0.5, 1 + SETTLING_STEPS)
    assert clock.examples_per_second == pytest.approx(32 / 0.5)
    left = 100 - SETTLING_STEPS * 5 - (1 + SETTLING_STEPS) * 0.5
    assert clock.affordable_steps() == int(left / 0.5)
    clock.start()
    assert clock.affordable_steps() is None  # the steps have to settle again
