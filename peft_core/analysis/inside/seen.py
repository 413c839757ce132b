"""What is seen at a place at one moment of a run, as plain numbers: to be drawn and cached. No torch here."""

from dataclasses import dataclass

import numpy as np

from peft_core.methods.steps import Token


@dataclass(frozen=True, eq=False)
class Matrix:
    """What has changed in a matrix of this `shape`: the largest number of each block, σ falling, Frobenius norm.

    `sigmas` has as many as the update can have, at most 16. `image` is at most 48 × 48.
    """

    image: np.ndarray
    sigmas: np.ndarray
    norm: float
    shape: tuple[int, int]

    @property
    def largest(self) -> float:
        """The largest number in size."""
        return float(np.abs(self.image).max())


@dataclass(frozen=True)
class Row:
    """A row in front of the review: its nearest words with their cosines, and how far it is from where it started."""

    words: tuple[str, ...]
    cosines: tuple[float, ...]
    moved: float


@dataclass(frozen=True)
class Rows:
    """All rows, in order."""

    rows: tuple[Row, ...]

    @property
    def largest(self) -> float:
        """How far the row has come that has come farthest."""
        return max(row.moved for row in self.rows)


@dataclass(frozen=True, eq=False)
class Units:
    """What each unit of a bottleneck answers to each token: `activations` (m, T)."""

    activations: np.ndarray
    tokens: tuple[Token, ...]

    @property
    def largest(self) -> float:
        """The largest answer in size."""
        return float(np.abs(self.activations).max())


@dataclass(frozen=True, eq=False)
class Vector:
    """A trained vector: how far each number is from where it started, (size,), and where that was."""

    change: np.ndarray
    start: np.ndarray

    @property
    def largest(self) -> float:
        """The largest change in size."""
        return float(np.abs(self.change).max())


Seen = Matrix | Rows | Units | Vector
