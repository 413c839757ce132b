"""Data from outside, validated: what is wrong is said in one sentence. No torch here."""

from collections.abc import Callable, Collection
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from peft_core.errors import PeftClassroomError

T = TypeVar("T")


class Frozen(BaseModel):
    """A part of a configuration or of a file: it cannot change, and a field that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def one_of(known: Collection[str]) -> Callable[[str], str]:
    """A pydantic validator for a field whose possible values are known only when the program runs."""

    def check(value: str) -> str:
        if value not in known:
            raise ValueError(f"not one of {', '.join(known)}")
        return value

    return check


def validated(build: Callable[[], T]) -> T:
    """What `build` makes of data from outside.

    Raises:
        PeftClassroomError: with the sentence of what is wrong.
    """
    try:
        return build()
    except ValidationError as error:
        raise PeftClassroomError(sentence(error)) from error


def sentence(error: ValidationError) -> str:
    """A pydantic error as one line for people: which setting, what is wrong, what was given."""
    parts = []
    for item in error.errors(include_url=False, include_context=False):
        loc = item["loc"]
        tags = [place + 1 for place, part in enumerate(loc) if part == "method"][:1]  # after it: which kind of method
        where = ".".join(str(part) for place, part in enumerate(loc) if place not in tags) or "settings"
        message = item["msg"][0].lower() + item["msg"][1:]
        given = "" if item["type"] in ("missing", "extra_forbidden") else f" (given: {item['input']!r})"
        parts.append(f"{where}: {message}{given}")
    return "; ".join(parts) + "."
