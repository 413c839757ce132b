"""What is seen of a method while it trains: how its folder's `inside.py` is asked. No torch here.

    update(at)      what training has added to the matrix at a place: (out, in), or its two `Factors`
    matrix(at)      a trained matrix of a place, whose change since the first step is shown, (rows, columns)
    rows(at)        rows that stand in front of the review as words do, (n, d)
    units(at, h)    of a bottleneck: what each of its m units answers to each vector of h (T, d), (T, m)
    vector(at)      the trained vector of a place, whose change is shown, (size,)

A method's `inside.py` has one of the five. One without has no picture: its accuracy is shown, and never another
method's picture.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Literal, NamedTuple

from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_of
from peft_core.t5.architecture import Architecture
from peft_core.t5.names import Place

if TYPE_CHECKING:
    from torch import Tensor

Kind = Literal["update", "matrix", "rows", "units", "vector"]
KINDS: tuple[Kind, ...] = ("update", "matrix", "rows", "units", "vector")


@dataclass(frozen=True, eq=False)
class At:
    """A place at one moment: what trains, by its dotted name, as it is then, and the base model's own weights."""

    place: Place
    config: MethodConfig
    architecture: Architecture
    now: Mapping[str, "Tensor"]
    base: Mapping[str, "Tensor"]

    def tensor(self, name: str) -> "Tensor":
        """The trained tensor of this place that the method calls `name`."""
        return self.now[f"{self.place.name}.{name}"]

    def frozen(self, name: str) -> "Tensor":
        """The base model's tensor of this place and name."""
        return self.base[f"{self.place.name}.{name}"]


class Factors(NamedTuple):
    """A matrix as the product of two: `up` (out, r) times `down` (r, in)."""

    up: "Tensor"
    down: "Tensor"


def hooks(config: MethodConfig) -> ModuleType | None:
    """The method's `inside.py`, if it has one; imports torch."""
    return method_of(config).optional("inside")


def kind_of(config: MethodConfig) -> Kind | None:
    """Which of the five pictures the method has; imports torch."""
    module = hooks(config)
    return next((kind for kind in KINDS if hasattr(module, kind)), None)
