"""The time of a training run: how much has passed, how fast the steps are, how many more there is time for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

SETTLING_STEPS = 5  # the first steps build kernels for new shapes and say nothing about speed


class Clock:
    """Counts the seconds of a run, validations included, over all its stops.

    `seconds`: what has passed when the clock was last read. `examples_per_second`: the pace of the settled steps, None
    before there are any.
    """

    def __init__(self, max_seconds: float | None) -> None:
        self.max_seconds = max_seconds
        self.seconds = 0.0
        self.examples_per_second: float | None = None
        self.start()

    def start(self) -> None:
        """Go on counting from `seconds`, and measure the pace anew: steps have to settle again."""
        self._steps, self._settled_at = 0, 0.0
        self._trained_seconds, self._trained_examples = 0.0, 0
        self._count_from_seconds()

    def _count_from_seconds(self) -> None:
        self._started = time.monotonic() - self.seconds

    def _elapsed(self) -> float:
        return time.monotonic() - self._started

    def read(self) -> None:
        """Bring `seconds` up to now."""
        self.seconds = self._elapsed()

    @property
    def out_of_time(self) -> bool:
        return self.max_seconds is not None and self._elapsed() >= self.max_seconds

    @contextmanager
    def step(self, examples: int) -> Iterator[None]:
        """Time one step of training."""
        before = time.monotonic()
        yield
        trained = time.monotonic() - before
        self.read()
        self._steps += 1
        if self._steps <= SETTLING_STEPS:
            return
        if self._steps == SETTLING_STEPS + 1:
            self._settled_at = self.seconds
        self._trained_seconds += trained
        self._trained_examples += examples
        self.examples_per_second = self._trained_examples / self._trained_seconds

    @property
    def seconds_per_step(self) -> float | None:
        """Of the settled steps, without what happens between them; None before there are any."""
        settled = self._steps - SETTLING_STEPS
        return self._trained_seconds / settled if settled > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """Until the limit; None if there is none."""
        return None if self.max_seconds is None else self.max_seconds - self.seconds

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """What happens inside, and since the clock was last read, takes no time."""
        yield
        self._count_from_seconds()

    def affordable_steps(self) -> int | None:
        """How many more steps there is time for; None without a limit, or while the pace is not known."""
        settled = self._steps - SETTLING_STEPS - 1
        if self.max_seconds is None or settled < SETTLING_STEPS:
            return None
        seconds_per_step = (self.seconds - self._settled_at) / settled
        return int((self.max_seconds - self.seconds) / seconds_per_step)
