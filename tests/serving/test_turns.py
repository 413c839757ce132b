"""One line for all that computes: short before long, one go for many questions, everyone's own answer or error."""

import threading
import time

import pytest

from peft_core.serving.turns import Together, Turns

SOON = 10  # seconds: a test that waits so long has failed


def in_thread(work, *given):
    thread = threading.Thread(target=work, args=given, daemon=True)
    thread.start()
    return thread


def until(true):
    end = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.001)


def waiting(turns, number):
    until(lambda: len(turns._line) == number)


class Answers:
    """Squares; notes every pass. `held`: passes wait for it."""

    def __init__(self, held=False):
        self.passes = []
        self.go_on = threading.Event()
        if not held:
            self.go_on.set()

    def __call__(self, kind, questions):
        self.passes.append((kind, list(questions)))
        assert self.go_on.wait(SOON)
        if any(question < 0 for question in questions):
            raise ValueError("negative")
        return [question**2 for question in questions]


def together(answers, most=1000):
    turns = Turns()
    return turns, Together(turns, answers, size=lambda question: 1, most=most)


def note(asked, found, question):
    """Ask, and keep under the question what is answered, or what goes wrong."""
    try:
        found[question] = asked.ask("t5", question, SOON)
    except ValueError as error:
        found[question] = str(error)


def test_a_lone_question_waits_for_nobody():
    answers = Answers()
    turns, asked = together(answers)
    assert asked.ask("t5", 3, SOON) == 9
    assert answers.passes == [("t5", [3])]
    assert turns.take(0)  # it has given its turn back


@pytest.mark.parametrize("most", [1000, 7])
def test_what_comes_while_somebody_computes_is_answered_in_one_go_everyone_with_his_own(most):
    answers = Answers(held=True)
    turns, asked = together(answers, most)
    found = {}

    threads = [in_thread(note, asked, found, 0)]
    until(lambda: answers.passes)
    threads += [in_thread(note, asked, found, question) for question in range(1, 21)]
    waiting(turns, 20)
    answers.go_on.set()
    for thread in threads:
        thread.join(SOON)
    assert found == {question: question**2 for question in range(21)}
    assert len(answers.passes) == 1 + -(-20 // most)
    assert sorted(question for _, questions in answers.passes for question in questions) == list(
        range(21)
    )  # each was answered once


def test_an_error_in_one_question_reaches_nobody_else():
    answers = Answers(held=True)
    turns, asked = together(answers)
    found = {}

    threads = [in_thread(note, asked, found, 0)]
    until(lambda: answers.passes)
    threads += [in_thread(note, asked, found, question) for question in (5, -1, 6)]
    waiting(turns, 3)
    answers.go_on.set()
    for thread in threads:
        thread.join(SOON)
    assert found == {0: 0, 5: 25, -1: "negative", 6: 36}


def test_questions_of_different_kinds_are_not_answered_together():
    answers = Answers(held=True)
    turns, asked = together(answers)
    threads = [in_thread(asked.ask, "t5", 0, SOON)]
    until(lambda: answers.passes)
    threads += [in_thread(asked.ask, kind, number, SOON) for number, kind in enumerate(("a", "b", "a", "b"), 1)]
    waiting(turns, 4)
    answers.go_on.set()
    for thread in threads:
        thread.join(SOON)
    assert sorted((kind, sorted(questions)) for kind, questions in answers.passes) == [
        ("a", [1, 3]),
        ("b", [2, 4]),
        ("t5", [0]),
    ]


def test_who_waits_too_long_is_told_and_the_line_goes_on():
    answers = Answers()
    turns, asked = together(answers)
    assert turns.take(0)
    with pytest.raises(TimeoutError):
        asked.ask("t5", 1, 0.01)
    with pytest.raises(TimeoutError), turns.turn(0.01):
        pass
    turns.give_back()
    assert asked.ask("t5", 2, SOON) == 4
    assert answers.passes == [("t5", [2])]  # nobody computes for those who have left


def test_long_work_lets_short_questions_through_between_its_parts():
    turns = Turns()
    order, begun = [], threading.Event()

    def long():
        with turns.turn(SOON, long=True):
            begun.set()
            waiting(turns, 2)
            for part in range(3):
                order.append(f"part {part}")
                turns.let_pass()

    def other(name, **kind):
        with turns.turn(SOON, **kind):
            order.append(name)

    threads = [in_thread(long)]
    assert begun.wait(SOON)
    threads += [in_thread(other, "short"), in_thread(lambda: other("other long", long=True))]
    for thread in threads:
        thread.join(SOON)
    assert order == ["part 0", "short", "other long", "part 1", "part 2"]


def test_short_questions_do_not_keep_long_work_waiting_for_ever():
    now = [0.0]
    turns = Turns(clock=lambda: now[0])
    order = []

    def wait(name, long=False):
        with turns.turn(SOON, long):
            order.append(name)

    assert turns.take(0)
    threads = []
    for at, name, long in ((0.0, "long", True), (1.0, "soon", False), (3.0, "late", False)):
        now[0] = at
        threads.append(in_thread(wait, name, long))
        waiting(turns, len(threads))
    turns.give_back()
    for thread in threads:
        thread.join(SOON)
    assert order == ["soon", "long", "late"]
