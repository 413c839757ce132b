"""How many seconds a run still takes, with every phase in it: steps, validations, the final test. No torch here.

Nothing is guessed. As long as the run itself has not measured the pace of its steps and of its measuring, the answer
is None; whoever watches may go by an earlier run then (pace.py).
"""

from dataclasses import dataclass


@dataclass
class MeasuringPace:
    """How fast this run measures reviews: all the seconds that it has measured for, over all the reviews."""

    seconds: float = 0.0
    reviews: int = 0

    def add(self, seconds: float, reviews: int) -> None:
        """Note a measuring that came to its end."""
        self.seconds += seconds
        self.reviews += reviews

    @property
    def per_second(self) -> float | None:
        """Reviews measured a second; None before any were."""
        return self.reviews / self.seconds if self.reviews and self.seconds > 0 else None


def remaining_seconds(
    steps: int, seconds_per_step: float | None, reviews: float, reviews_per_second: float | None, most: float | None
) -> float | None:
    """Seconds to the end of a run.

    Args:
        steps: that are still to be taken.
        reviews: that are still to be measured, by validations and by the test; part of a split counts in part.
        most: seconds of training that a time limit still allows.
    """
    if (steps and seconds_per_step is None) or (reviews and reviews_per_second is None):
        return None
    training = steps * seconds_per_step if steps else 0.0
    measuring = reviews / reviews_per_second if reviews else 0.0
    return (training if most is None else min(training, max(0.0, most))) + measuring


def validations_ahead(step: int, planned: int, evaluations: int, done: int, last_at: int | None) -> int:
    """How many validations are still to come, the one before the first step and the one at the end included.

    Args:
        done: how many there have been.
        last_at: the step of the latest; None: there has been none.
    """
    if last_at is None:
        return 1 + min(evaluations, planned)
    at_the_end = 0 if last_at == planned == step else 1
    return max(at_the_end, min(evaluations - (done - 1), planned - step))
