"""A sentence is on the wall once, when it has fooled a method and the teacher accepts it; nobody sends too many."""

import pytest

from peft_core.errors import PeftClassroomError
from peft_core.serving.live import wall as module
from peft_core.serving.live.codes import Codes
from peft_core.serving.live.wall import MOST_CHARACTERS, MOST_EACH, SECONDS, Answer, Wall


def answers(*positive: float, untrained: float = 0.9) -> list[Answer]:
    return [Answer(f"m{place}", "lora", p) for place, p in enumerate(positive)] + [Answer("base", "", untrained)]


@pytest.fixture
def now():
    return [1000.0]


@pytest.fixture
def wall(now):
    return Codes("walls").add(Wall("teacher", ["lora-8", "tiny-t5"], lambda: now[0]))


def test_what_fools_most_stands_first_and_only_what_the_teacher_has_accepted(wall):
    one = wall.add("ann", "one is fooled", True, answers(0.2, 0.9, 0.8))
    three = wall.add("bob", "three are fooled", False, answers(0.6, 0.9, 0.8))
    also_one = wall.add("bob", "one is fooled, too", False, answers(0.2, 0.9, 0.1))
    assert wall.add("eve", "the untrained one alone", False, answers(0.2, 0.1, 0.3, untrained=0.99)) is None
    assert wall.add("eve", "nobody", True, answers(0.6, 0.6, 0.6)) is None
    assert [each.fooled for each in (one, three, also_one)] == [1, 3, 1]
    assert wall.ranked() == [] and len(wall.sentences("waiting")) == 3
    wall.judge([also_one.number, three.number, one.number, 99], "accepted")
    assert [each.text for each in wall.ranked()] == ["three are fooled", "one is fooled", "one is fooled, too"]
    wall.judge([three.number], "refused")
    assert [each.number for each in wall.ranked()] == [one.number, also_one.number]
    assert wall.find(three.number).state == "refused" and wall.find(0) is None
    assert [each.number for each in wall.sentences()] == [1, 2, 3]


def test_a_sentence_is_there_once_whoever_sends_it(wall):
    wall.add("ann", "Not bad", True, answers(0.1))
    for sender in ("ann", "bob"):
        with pytest.raises(PeftClassroomError, match="has been sent already"):
            wall.add(sender, "NOT BAD", True, answers(0.1))
    assert len(wall.sentences()) == 1


def test_the_rate_is_limited_for_each_and_said(wall, now):
    assert wall.check("ann", " a \x07 <b>film</b>\n&amp; more ") == "a film & more"
    with pytest.raises(PeftClassroomError, match="every 6 seconds: wait 6 more"):
        wall.check("ann", "another")
    assert wall.check("bob", "another") == "another"
    now[0] += SECONDS - 2
    with pytest.raises(PeftClassroomError, match="wait 2 more"):
        wall.check("ann", "another")
    now[0] += 2
    for text, why in (("", "empty"), ("\x00\u202e", "empty"), ("x" * (MOST_CHARACTERS + 1), "301 characters")):
        with pytest.raises(PeftClassroomError, match=why):
            wall.check("ann", text)  # what is no sentence costs no wait
    wall.check("ann", "x" * MOST_CHARACTERS)


def test_nobody_fills_the_wall_nor_the_memory(wall, now, monkeypatch):
    for number in range(MOST_EACH):
        wall.add("ann", f"sentence {number}", True, answers(0.1))
    with pytest.raises(PeftClassroomError, match="20 sentences up"):
        wall.check("ann", "one more")
    monkeypatch.setattr(module, "MOST_ALL", MOST_EACH)
    with pytest.raises(PeftClassroomError, match="most for one wall"):
        wall.add("bob", "one more", True, answers(0.1))
    monkeypatch.setattr(module, "MOST_KNOWN", 10)
    for number in range(100):
        wall.check(f"visitor {number}", "a film")
    assert len(wall._last) == 10
    with pytest.raises(PeftClassroomError, match="wait 6 more"):
        wall.check("visitor 99", "a film")


def test_a_closed_wall_takes_nothing_and_one_needs_somebody_to_ask(wall):
    wall.closed = True
    for act in (lambda: wall.check("ann", "a film"), lambda: wall.add("ann", "a film", True, answers(0.1))):
        with pytest.raises(PeftClassroomError, match="closed"):
            act()
    for models in ([], ["m"] * 13):
        with pytest.raises(PeftClassroomError, match="Choose 1 to 12"):
            Wall("teacher", models)
