"""How often somebody may be wrong. In memory: a server that was started again has forgotten it."""

import threading
import time
from collections import deque
from collections.abc import Callable

MOST_ASKERS = 10_000  # then those who have been wrong longest ago are forgotten


class Tries:
    """Wrong answers of the last `seconds`; who has given `most` waits.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.most, self.seconds, self._clock = most, seconds, clock
        self._wrong: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def wait(self, asker: str) -> float:
        """Seconds until this asker may try again; 0: now."""
        with self._lock:
            times = self._wrong.get(asker, ())
            if len(times) < self.most:
                return 0.0
            return max(0.0, times[0] + self.seconds - self._clock())

    def was_wrong(self, asker: str) -> None:
        """Note a wrong answer."""
        with self._lock:
            times = self._wrong.pop(asker, None) or deque(maxlen=self.most)
            times.append(self._clock())
            self._wrong[asker] = times  # at the end: whoever is first has been wrong longest ago
            while len(self._wrong) > MOST_ASKERS:
                del self._wrong[next(iter(self._wrong))]
