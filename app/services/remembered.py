"""The latest answers, for all sessions: whoever asks the same again, or what another has asked, waits for nothing."""

import hashlib
import threading
from collections.abc import Hashable
from typing import Generic, TypeVar

A = TypeVar("A")


class Remembered(Generic[A]):
    """So many answers at most; the oldest goes first. Of a text its digest is kept, not what a visitor has typed.

    Args:
        most: answers.
    """

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, threading.Lock()
        self._answers: dict[tuple[bytes, Hashable], A] = {}

    def get(self, text: str, of: Hashable) -> A | None:
        """What `of` has answered to this text."""
        return self._answers.get(_key(text, of))

    def put(self, text: str, of: Hashable, answer: A) -> None:
        """Remember it."""
        with self._lock:
            self._answers[_key(text, of)] = answer
            while len(self._answers) > self._most:
                del self._answers[next(iter(self._answers))]


def _key(text: str, of: Hashable) -> tuple[bytes, Hashable]:
    return hashlib.sha256(text.encode()).digest(), of
