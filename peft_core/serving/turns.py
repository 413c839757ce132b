"""Who computes next. One at a time, since models and cores are shared: short questions before long work.

Nobody waits so that others may join: whoever asks while nothing is computed is answered at once. What has come together
while somebody else had the turn is then answered in one go, by the first of those who wait.
"""

import threading
import time
from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Generic, TypeVar

LONG_WAITS = 2.0  # seconds: short questions that come within them go before a part of long work that was there first

K, Q, A = TypeVar("K"), TypeVar("Q"), TypeVar("A")


class Turns:
    """A line. Those come first who have waited longest; a part of long work stands as if it had come later."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._line: list[tuple[float, int]] = []
        self._taken = False
        self._numbers = count()

    def take(
        self, seconds: float | None = None, long: bool = False, unless: Callable[[], bool] = lambda: False
    ) -> bool:
        """Wait for a turn; whether it came. Then it is to be given back.

        Args:
            seconds: to wait at most; None: as long as it takes.
            unless: nothing is waited for once this is so; looked at whenever a turn ends.
        """
        with self._changed:
            ticket = (self._clock() + LONG_WAITS * long, next(self._numbers))
            insort(self._line, ticket)
            try:
                self._changed.wait_for(lambda: unless() or self._is_next(ticket), seconds)
                mine = not unless() and self._is_next(ticket)
                self._taken = self._taken or mine
            finally:
                self._line.remove(ticket)
                self._changed.notify_all()
            return mine

    def _is_next(self, ticket: tuple[float, int]) -> bool:
        return not self._taken and self._line[0] == ticket

    def give_back(self) -> None:
        """End a turn."""
        with self._changed:
            self._taken = False
            self._changed.notify_all()

    @contextmanager
    def turn(self, seconds: float, long: bool = False) -> Iterator[None]:
        """A turn, for as long as it takes.

        Raises:
            TimeoutError: if it did not come within so many seconds.
        """
        if not self.take(seconds, long):
            raise TimeoutError
        try:
            yield
        finally:
            self.give_back()

    def let_pass(self) -> None:
        """Whoever has the turn, for long work, lets those pass who are to go before its next part."""
        self.give_back()
        self.take(long=True)


@dataclass(eq=False)
class _Asked(Generic[Q, A]):
    """A question; `found`: its answer, or what went wrong."""

    question: Q
    found: A | Exception | None = None


class Together(Generic[K, Q, A]):
    """Questions of one kind that wait at the same time are answered in one go, each with its own answer.

    Args:
        turns: the line that they wait in.
        answer: all questions of a list, in order; called in a turn. What it raises for several is found out again for
            each by itself, so that nobody meets an error of another's.
        size: how much a question is.
        most: of it, in one go; a larger question goes by itself.
    """

    def __init__(
        self, turns: Turns, answer: Callable[[K, Sequence[Q]], Sequence[A]], size: Callable[[Q], int], most: int
    ) -> None:
        self._turns, self._answer, self._size, self._most = turns, answer, size, most
        self._waiting: dict[K, list[_Asked[Q, A]]] = {}
        self._lock = threading.Lock()

    def ask(self, kind: K, question: Q, seconds: float) -> A:
        """Its answer.

        Raises:
            TimeoutError: if its turn did not come within so many seconds.
            Exception: what `answer` raises for this question.
        """
        mine: _Asked[Q, A] = _Asked(question)
        with self._lock:
            self._waiting.setdefault(kind, []).append(mine)
        try:
            if self._turns.take(seconds, unless=lambda: mine.found is not None):
                try:
                    self._answer_all(kind, self._with(kind, mine))
                finally:
                    self._turns.give_back()
        finally:
            self._leave(kind, [mine])
        if mine.found is None:
            raise TimeoutError
        if isinstance(mine.found, Exception):
            raise mine.found
        return mine.found

    def _with(self, kind: K, mine: _Asked[Q, A]) -> list[_Asked[Q, A]]:
        """It, and of those that wait the first ones that still fit; they wait no longer."""
        chosen, room = [mine], self._most - self._size(mine.question)
        with self._lock:
            others = [one for one in self._waiting[kind] if one is not mine]
        for one in others:
            room -= self._size(one.question)
            if room < 0:
                break
            chosen.append(one)
        self._leave(kind, chosen)
        return chosen

    def _leave(self, kind: K, gone: Sequence[_Asked[Q, A]]) -> None:
        with self._lock:
            left = [one for one in self._waiting.get(kind, ()) if one not in gone]
            if left:
                self._waiting[kind] = left
            else:
                self._waiting.pop(kind, None)

    def _answer_all(self, kind: K, asked: Sequence[_Asked[Q, A]]) -> None:
        try:
            found = self._answer(kind, [one.question for one in asked])
        except Exception as error:
            if len(asked) == 1:
                asked[0].found = error
                return
            for one in asked:
                self._answer_all(kind, [one])
            return
        for one, answer in zip(asked, found, strict=True):
            one.found = answer
