"""What another library's description of a checkpoint means here: read, or refused by name. No torch here.

Those libraries pass over what they do not know, and a setting that is passed over is a model that computes something
else. So a method lists what it knows (`check_settings`); all else must be switched off.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.validated import GIVEN, read_json, shortened

MAX_PATTERN, MAX_REPEATS = 20_000, 4  # characters, and * + {} in it: a pattern of anybody must come to an end

# What peft writes into every file, and what changes no answer of a model that is loaded.
OF_ANY_PEFT_FILE: Mapping[str, None] = dict.fromkeys(
    ("peft_type", "peft_version", "base_model_name_or_path", "revision", "auto_mapping", "inference_mode")
)


DESCRIPTION = "adapter_config.json"
MAX_DESCRIPTION_BYTES = 1_000_000
_ANY_OBJECT = TypeAdapter(dict[str, Any])


def read_description(path: Path, then: str) -> dict[str, Any]:
    """The content of another library's JSON file.

    Args:
        then: the sentence that says what to do about a file that cannot be used.

    Raises:
        PeftClassroomError: if it is missing, damaged, too large, or no JSON object.
    """
    return read_json(path, _ANY_OBJECT, then, MAX_DESCRIPTION_BYTES)


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
        values = known.get(name, ()) if name in known else (None, False, 0, 0.0, "", [], {}, ())
        if values is not None and not any(type(value) is type(each) and value == each for each in values):
            raise PeftClassroomError(f"{whose}'s setting {name} = {written(value)} is not supported here.")


def written(value: Any) -> str:
    """A value of a file for a sentence, cut to what can be read."""
    return shortened(repr(value), GIVEN)


def reaches(wanted: str | Collection[str], name: str) -> bool:
    """Whether peft's target `wanted` means the module of this dotted name.

    A text is an expression for the whole name; of a list, one is the name or its end.

    Raises:
        PeftClassroomError: if the text is no regular expression.
    """
    if not isinstance(wanted, str):
        return any(name == each or name.endswith(f".{each}") for each in wanted)
    return expression(wanted).fullmatch(name) is not None


def expression(pattern: str, shown: str | None = None) -> re.Pattern:
    """A regular expression of somebody else's file, if it is one and cannot take forever.

    What takes forever is a repetition within a repetition, so a repeated group; many in a row take long.

    Args:
        shown: the part of it that stands in the file, where something was put around.

    Raises:
        PeftClassroomError: if it is none, or too involved.
    """
    shown = pattern if shown is None else shown
    bare = re.sub(r"\\.|\[\^?\]?[^]]*\]", "x", shown)
    repeats = re.findall(r"[*+{]", bare)
    if len(shown) > MAX_PATTERN or len(repeats) > MAX_REPEATS or re.search(r"\)[*+{]", bare):
        raise PeftClassroomError(
            f"The pattern {written(shown)} is too involved to be tried here: it may have {MAX_REPEATS} repetitions and "
            "no repeated group. Name the layers one by one."
        )
    try:
        return re.compile(pattern)
    except re.error as error:
        raise PeftClassroomError(f"{written(shown)} is no pattern ({error}).") from error


def check_reached(
    description: Mapping[str, Any], setting: str, usual: Collection[str], wanted: Iterable[str], names: Iterable[str]
) -> None:
    """Refuse a description whose `setting` means other modules than `wanted` among those of these `names`.

    Args:
        usual: what peft takes for a T5 where the setting is not given.

    Raises:
        PeftClassroomError: naming the setting, its value, and the first module that is too many or missing.
    """
    value = usual if description.get(setting) is None else description[setting]
    listed = isinstance(value, Collection) and all(isinstance(each, str) for each in value)
    if not listed:  # a text is a collection of texts, too
        raise PeftClassroomError(f"peft's setting {setting} = {written(value)} is not supported here.")
    reached, wanted = {name for name in names if reaches(value, name)}, set(wanted)
    if reached != wanted:
        further, missing = sorted(reached - wanted), sorted(wanted - reached)
        first = f"it means {further[0]}, too" if further else f"it leaves out {missing[0]}"
        raise PeftClassroomError(f"peft's setting {setting} = {written(value)} is not supported here: {first}.")
