"""What another library's description of a checkpoint means here: read, or refused by name. No torch here.

Those libraries pass over what they do not know, and a setting that is passed over is a model that computes something
else. So a method lists what it knows (`check_settings`); all else must be switched off.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.validated import GIVEN, shortened


@dataclass(frozen=True)
class Reading:
    """The configuration that a description says, and sentences on what in it changes no answer and was left out."""

    config: MethodConfig
    notes: tuple[str, ...] = ()


def check_settings(description: Mapping[str, Any], known: Mapping[str, Collection[Any] | None], whose: str) -> None:
    """Refuse a description with a setting that is not supported.

    Args:
        known: name of a setting → the values that are supported; None: any value, the caller reads it. A setting that
            is not named must be off: absent, None, False, zero or empty.
        whose: the library, for the sentence.

    Raises:
        PeftClassroomError: naming the first setting that is not supported, and its value.
    """
    for name, value in description.items():
        values = known.get(name, ()) if name in known else (None, False, 0, "", [], {}, ())
        if values is not None and not any(type(value) is type(each) and value == each for each in values):
            raise PeftClassroomError(f"{whose}'s setting {name} = {written(value)} is not supported here.")


def written(value: Any) -> str:
    """A value of a file for a sentence, cut to what can be read."""
    return shortened(repr(value), GIVEN)
