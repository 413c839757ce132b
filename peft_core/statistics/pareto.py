"""Which of several methods is worth its price? Those that no other beats at the same or a lower price."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """What a method costs (trainable parameters) and gives (accuracy, 0…1)."""

    name: str
    trainable_parameters: int
    accuracy: float


def dominates(first: Point, second: Point) -> bool:
    """Whether `first` is nowhere worse than `second`, and better in one of the two."""
    at_least = first.trainable_parameters <= second.trainable_parameters and first.accuracy >= second.accuracy
    return at_least and (first.trainable_parameters, first.accuracy) != (second.trainable_parameters, second.accuracy)


def pareto_front(points: Sequence[Point]) -> list[Point]:
    """The points that no other dominates, cheapest first; two at the same place both stay.

    Along the front more parameters give more accuracy. It speaks of measured values: within their intervals a point
    just below it may well belong to it.
    """
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (p.trainable_parameters, -p.accuracy)):
        if not front or not dominates(front[-1], point):
            front.append(point)
    return front
