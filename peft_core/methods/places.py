"""Where a method can be looked at in a T5. No torch here."""

from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_of
from peft_core.t5.architecture import Architecture
from peft_core.t5.names import Place


def places(architecture: Architecture, config: MethodConfig) -> tuple[Place, ...]:
    """Every place where `config` changes something, in the order of the forward pass."""
    return tuple(method_of(config).places(architecture, config))


def find_place(architecture: Architecture, config: MethodConfig, name: str) -> Place:
    """The place called `name`.

    Raises:
        PeftClassroomError: if this configuration has no such place.
    """
    for place in places(architecture, config):
        if place.name == name:
            return place
    raise PeftClassroomError(f"With these settings nothing is changed at {name!r}. Choose one of the places listed.")
