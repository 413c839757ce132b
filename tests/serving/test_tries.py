"""Who has been wrong too often waits, and nobody else does."""

from peft_core.serving import tries
from peft_core.serving.tries import Tries


def test_after_three_wrong_answers_one_waits_until_the_first_is_long_ago():
    now = [100.0]
    line = Tries(3, 60, clock=lambda: now[0])
    for _ in range(3):
        assert line.wait("ann") == 0
        line.was_wrong("ann")
        now[0] += 1
    assert line.wait("ann") == 57
    assert line.wait("bob") == 0
    now[0] += 57
    assert line.wait("ann") == 0
    line.was_wrong("ann")
    assert line.wait("ann") == 1


def test_who_comes_under_ever_new_names_fills_no_memory(monkeypatch):
    monkeypatch.setattr(tries, "MOST_ASKERS", 10)
    line = Tries(1, 60, clock=lambda: 0.0)
    for number in range(1000):
        line.was_wrong(f"asker {number}")
    assert len(line._wrong) == 10
    assert line.wait("asker 999") == 60
    assert line.wait("asker 0") == 0
