"""What is open for a class, by a code. It is gone when it is closed, or when nobody has used it for a while."""

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from peft_core.errors import PeftClassroomError

LETTERS = "BCDFGHJKMNPQRSTVWXZ"  # no vowels, so they spell nothing; none that is taken for another
LENGTH = 4
MOST = 20  # open at once, of a kind, on one server
IDLE = 2 * 60 * 60.0  # seconds; looking on is no use


class Live:
    """Something that is open. Its methods may be called from any thread.

    Args:
        starter: who opened it, as `owner` in what follows: kept as a digest.
        clock: seconds that only go forward.
    """

    def __init__(self, starter: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.code = ""
        self.closed = False
        self._clock = clock
        self._salt = secrets.token_bytes(16)
        self._starter = self.member(starter)
        self._used = clock()
        self._lock = threading.RLock()

    def member(self, owner: str) -> str:
        """A visitor as this vote or wall knows them: the same one each time, and no other one's anywhere else."""
        return hashlib.sha256(self._salt + owner.encode()).hexdigest()[:32]

    def is_starter(self, owner: str) -> bool:
        """Whether this visitor opened it."""
        return secrets.compare_digest(self.member(owner), self._starter)

    def idle(self) -> float:
        """Seconds since somebody did something with it."""
        return self._clock() - self._used

    def _use(self) -> None:
        self._used = self._clock()


T = TypeVar("T", bound=Live)


class Codes(Generic[T]):
    """All that is open of one kind.

    Args:
        what: how a sentence calls several of them.
    """

    def __init__(self, what: str, most: int = MOST, idle: float = IDLE) -> None:
        self._what, self._most, self._idle = what, most, idle
        self._open: dict[str, T] = {}
        self._lock = threading.Lock()

    def add(self, one: T) -> T:
        """Open it: from now on it has a code.

        Raises:
            PeftClassroomError: if too many are open.
        """
        with self._lock:
            self._forget_idle()
            if len(self._open) >= self._most:
                raise PeftClassroomError(
                    f"{self._most} {self._what} are open on this server; close one of them, or wait until one that "
                    "nobody uses is closed by itself."
                )
            while not one.code or one.code in self._open:
                one.code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
            self._open[one.code] = one
            return one

    def find(self, code: str) -> T | None:
        """What is open under this code, however it was typed; None if nothing is."""
        if len(code) > 4 * LENGTH:
            return None
        with self._lock:
            self._forget_idle()
            return self._open.get("".join(code.split()).upper())

    def of(self, owner: str) -> T | None:
        """What this visitor has opened last, and not closed."""
        with self._lock:
            self._forget_idle()
            return next((one for one in reversed(self._open.values()) if one.is_starter(owner)), None)

    def close(self, one: T) -> None:
        """Forget it, with all that is in it."""
        with self._lock:
            one.closed = True
            self._open.pop(one.code, None)

    def _forget_idle(self) -> None:
        for one in [one for one in self._open.values() if one.idle() > self._idle]:
            one.closed = True
            del self._open[one.code]
