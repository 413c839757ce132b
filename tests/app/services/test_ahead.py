"""What is asked ahead: fair among sessions, the newest wish of each, and no question ends the others."""

import threading

import pytest

from app.services.ahead import Ahead

LONG = 60


def test_sessions_take_turns_and_a_newer_wish_takes_the_place_of_an_older():
    ahead, asked, begun, go = Ahead(), [], threading.Event(), threading.Event()
    first = ahead.want("first", [lambda: begun.set() or go.wait(LONG), lambda: asked.append("dropped")])
    assert begun.wait(LONG)
    wishes = [ahead.want(who, [lambda w=who, n=n: asked.append((w, n)) for n in (1, 2)]) for who in ("a", "b")]
    instead = ahead.want("first", [lambda: asked.append("instead")])
    assert first.is_set() and not any(wish.is_set() for wish in (*wishes, instead))
    go.set()
    assert all(wish.wait(LONG) for wish in (*wishes, instead))
    assert asked == [("a", 1), ("b", 1), "instead", ("a", 2), ("b", 2)]


def test_nothing_wanted_is_through_at_once_and_takes_back_what_was():
    ahead, begun, go, asked = Ahead(), threading.Event(), threading.Event(), []
    before = ahead.want("one", [lambda: begun.set() or go.wait(LONG), lambda: asked.append("dropped")])
    assert begun.wait(LONG)
    assert ahead.want("one", []).is_set() and before.is_set()
    go.set()
    assert ahead.want("one", [lambda: asked.append("asked")]).wait(LONG) and asked == ["asked"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_question_that_fails_is_told_and_the_next_wish_is_asked(monkeypatch):
    told, asked, ahead = [], [], Ahead()
    monkeypatch.setattr(threading, "excepthook", lambda args: told.append(args.exc_type))
    assert ahead.want("one", [lambda: 1 / 0]).wait(LONG)
    for thread in threading.enumerate():
        if thread.name == "asks ahead":
            thread.join(LONG)
    assert ahead.want("one", [lambda: asked.append("asked")]).wait(LONG)
    assert told == [ZeroDivisionError] and asked == ["asked"]
