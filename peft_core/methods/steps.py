"""What a step of a walk is made of: plain numbers and LaTeX, to be drawn, cached and compared. No torch here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from peft_core.t5.names import Place


@dataclass(frozen=True)
class Operand:
    """A tensor by name, shape and Euclidean norm (of a matrix: Frobenius). Names are plain text, as in "W₀x"."""

    name: str
    shape: tuple[int, ...]
    norm: float | None  # None: numbers that are names, such as token ids


@dataclass(frozen=True)
class Tensor(Operand):
    """A tensor with its numbers.

    `values` (fp32, or integers) is all of it, except for a weight matrix: there it is the upper left corner, while
    shape and norm are of the whole. `axes` names what the rows and columns of `values` are: "token", "virtual token",
    "position" (virtual tokens, then tokens), "head", "feature", "word" (the label words).
    """

    values: np.ndarray
    axes: tuple[str, ...] = ("feature",)


@dataclass(frozen=True)
class Step:
    """One step of the forward pass.

    `panels` are to be drawn one under the other; the tensors of one panel share a scale. The last tensor of the last
    panel is what the step computes: `result`.
    """

    key: str  # names the sentence
    formula: str  # LaTeX: this step, with the live shapes
    panels: tuple[tuple[Tensor, ...], ...]
    equation: str = ""  # LaTeX: the method's whole equation, this step's part in a box
    operands: tuple[Operand, ...] = ()  # what goes in
    values: Mapping[str, Any] = field(default_factory=dict)  # numbers that the sentence needs

    @property
    def result(self) -> Tensor:
        return self.panels[-1][-1]

    @property
    def adds_nothing(self) -> bool:
        """Whether what the method has added so far is exactly zero: another sentence is true then."""
        return self.values.get("added") == 0.0


@dataclass(frozen=True)
class Token:
    """A token as the model reads it. `part` is "prefix", "words", "end" or "start" (of the decoder)."""

    piece: str
    id: int
    part: str


@dataclass(frozen=True)
class Reading:
    """The tokens of a text, with the prefix in front and the end mark behind; `left_out` pieces were too many."""

    tokens: tuple[Token, ...]
    left_out: int
    start: Token  # what the decoder reads

    @property
    def ids(self) -> list[int]:
        return [token.id for token in self.tokens]

    def at(self, place: Place) -> tuple[Token, ...]:
        """The tokens whose vectors pass through `place`."""
        return self.tokens if place.reads_review else (self.start,)


@dataclass(frozen=True)
class Walk:
    """One forward pass. `probability` is p("positive"); `base_probability` is the base model's, without the method."""

    reading: Reading
    place: Place
    token: int
    steps: tuple[Step, ...]
    probability: float
    base_probability: float


def sized(symbol: str, *shape: int) -> str:
    """LaTeX: `symbol` with its shape under a brace."""
    sizes = r" \times ".join(str(size) for size in shape)
    return rf"\underbrace{{{symbol}}}_{{{sizes}}}"
