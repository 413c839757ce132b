"""Ctrl-C and SIGTERM as a wish to stop, so that what is done so far can be saved. No torch here."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def stop_on_signals() -> Callable[[], bool]:
    """From now on, until this process ends, neither signal ends it; returns what says whether one has come."""
    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        asked = True

    for number in SIGNALS:
        signal.signal(number, ask)
    return lambda: asked


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """The same for a while: what the signals did before, they do again afterwards."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield stop_on_signals()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
