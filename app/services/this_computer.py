"""This computer, looked at in the background: one report for all sessions, made after the first page is painted."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread

from app.services.loading import libraries
from app.services.remembered import remembered_for
from peft_core.computer.look import Computer, look

SECONDS_KEPT = 600


def computer() -> Computer | None:
    """What it is and can do, as it was at most ten minutes ago; None while somebody still looks."""
    looking = _looking()
    return looking.result() if looking.done() else None


def look_again() -> None:
    """The next one who asks starts another look."""
    _looking.clear()


@remembered_for(SECONDS_KEPT)
def _looking() -> "Future[Computer]":
    heavy = libraries()

    def when_they_are_in() -> Computer:
        heavy.ready.wait()
        return look()

    return _behind(when_they_are_in)


def _behind(work: Callable[[], Computer]) -> "Future[Computer]":
    """Do it in a thread that no end of the server waits for."""
    future: Future[Computer] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:  # whoever asks for the result is told
            future.set_exception(error)

    Thread(target=run, name="look", daemon=True).start()
    return future
