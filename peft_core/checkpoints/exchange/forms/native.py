"""What a method here can read: a description, and the tensors under the names that go with it. No torch here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Tensors = dict[str, Any]  # of torch, by name; what is done with them here needs no import of it


def as_they_are(tensors: Tensors) -> Tensors:
    """The tensors of a library whose form is a method's own."""
    return tensors


@dataclass(frozen=True)
class Native:
    """A description as a method's `read` takes it; `convert` brings the file's tensors under the names that belong."""

    description: Mapping[str, Any]
    convert: Callable[[Tensors], Tensors] = as_they_are
    notes: tuple[str, ...] = ()
