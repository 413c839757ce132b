"""Ctrl-C and SIGTERM as a wish to stop, so that what is done so far can be saved. No torch here."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SECOND_WITHIN = 3.0  # seconds after a first Ctrl-C in which a second one means something else


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
def _restored() -> Iterator[None]:
    """What the signals did before, they do again afterwards."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """The same for a while."""
    with _restored():
        yield stop_on_signals()


class Wish:
    """What a person at the terminal wants of a training run.

    Ctrl-C once: stop, after the moment in which a second may come. Twice: finish now, and keep the best weights. Three
    times, or SIGTERM: stop at once.
    """

    def __init__(self) -> None:
        self._pressed: list[float] = []
        self._ended = False

    def hear(self, number: int, _: object = None) -> None:
        """A signal has come."""
        if number == signal.SIGINT:
            self._pressed.append(time.monotonic())
        else:
            self._ended = True

    @property
    def pressed(self) -> int:
        """How often Ctrl-C was pressed."""
        return len(self._pressed)

    def stop(self) -> bool:
        """Whether to stop now and save the state."""
        if self._ended or self.pressed > 2:
            return True
        return bool(self._pressed) and not self.keep() and time.monotonic() - self._pressed[0] >= SECOND_WITHIN

    def keep(self) -> bool:
        """Whether to finish now with the best weights so far."""
        return self.pressed == 2 and self._pressed[1] - self._pressed[0] < SECOND_WITHIN


@contextmanager
def wished() -> Iterator[Wish]:
    """Meanwhile both signals are wishes."""
    wish = Wish()
    with _restored():
        for number in SIGNALS:
            signal.signal(number, wish.hear)
        yield wish
