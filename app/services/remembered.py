"""The latest answers, for all sessions: whoever asks the same again, or what another has asked, waits for nothing."""

import hashlib
import threading
from collections.abc import Callable, Hashable
from functools import wraps
from typing import Generic, ParamSpec, TypeVar

import streamlit as st

A, P = TypeVar("A"), ParamSpec("P")


def remembered_for(seconds: float, most: int | None = None) -> Callable[[Callable[P, A]], Callable[P, A]]:
    """A function whose results are remembered for so long, by `st.cache_resource`; `clear` forgets them.

    Streamlit first looks whether there is a result, and then takes it; one whose time is over between the two is a
    KeyError on a visitor's page. Then the function is asked again.

    Args:
        most: results.
    """

    def remembering(function: Callable[P, A]) -> Callable[P, A]:
        kept = st.cache_resource(ttl=seconds, max_entries=most, show_spinner=False)(function)

        @wraps(function)
        def remembered(*given: P.args, **named: P.kwargs) -> A:
            try:
                return kept(*given, **named)
            except KeyError:  # one of the function's own comes again
                return kept(*given, **named)

        remembered.clear = kept.clear
        return remembered

    return remembering


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
