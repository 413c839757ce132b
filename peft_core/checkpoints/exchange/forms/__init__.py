"""The forms of other libraries, each brought into one that a method here reads. No torch here.

A method is stored in one library's form (`Method.description`), and reads it from anybody. The same method in another
library's form is translated into that description, so that what is supported is decided in one place, by the method.
"""

from collections.abc import Callable, Mapping
from typing import Any

from peft_core.checkpoints.exchange.forms import adapterhub, loralib, opendelta
from peft_core.checkpoints.exchange.forms.native import Native

Shapes = Mapping[str, tuple[int, ...]]

_TRANSLATORS: Mapping[str, Callable[[Mapping[str, Any], Shapes, str], Native]] = {
    "adapterhub": adapterhub.translate,
    "opendelta": opendelta.translate,
}


def translate(kind: str, said: Mapping[str, Any], shapes: Shapes, version: str, alpha: float | None) -> Native:
    """The description `said`, of a library of this kind, as one that a method here reads.

    Raises:
        PeftClassroomError: for a setting that cannot be expressed, by its name.
    """
    if kind == "loralib":
        return loralib.translate(shapes, alpha)
    if kind in _TRANSLATORS:
        return _TRANSLATORS[kind](said, shapes, version)
    return Native(said)
