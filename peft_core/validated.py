"""Data from outside, validated: what is wrong is said in one sentence. No torch here."""

import errno
import os
import stat
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, TypeAdapter, ValidationError

from peft_core.errors import PeftClassroomError, visible
from peft_core.paths import display_path

SHOWN = 200  # characters of what a file holds, or of what is wrong with it: some hold thousands of digits in one field
GIVEN = 80  # characters of one value
NOT_SHOWN = ("missing", "extra_forbidden", "json_invalid", "belong_together")  # there the input is the whole file

Words = Annotated[str, AfterValidator(visible)]  # of a stranger's file, which are printed and shown

T = TypeVar("T")
Content = TypeVar("Content", bound=BaseModel)


class _InSentences(type(BaseModel)):
    """Of classes whose call in Python, `RunConfig(…)`, raises a sentence. What pydantic builds inside, it words."""

    def __call__(cls, *args: Any, **values: Any) -> Any:
        return validated(lambda: super(_InSentences, cls).__call__(*args, **values))


class Frozen(BaseModel, metaclass=_InSentences):
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


def read_json(
    path: Path,
    kind: type[Content] | TypeAdapter[Content],
    then: str,
    max_bytes: int | None = None,
    *,
    follow: bool = True,
    shown: str | None = None,
) -> Content:
    """The content of a JSON file, validated.

    Args:
        then: the sentence that says what to do about a file that cannot be used.
        max_bytes: a larger file is refused before it is read.
        follow: whether a link in its place is followed.
        shown: what a sentence calls the file, if not by its path.

    Raises:
        PeftClassroomError: if the file is missing, too large, damaged, or no file at all.
    """
    shown = shown or display_path(path)
    try:
        text = read_regular(path, max_bytes, follow=follow)
    except FileNotFoundError as error:
        raise PeftClassroomError(f"{shown} is missing. {then}") from error
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise PeftClassroomError(f"{shown} is larger than any {path.name}. {then}") from error
        raise PeftClassroomError(f"{shown} cannot be read ({error.strerror}). {then}") from error
    build = kind.validate_json if isinstance(kind, TypeAdapter) else kind.model_validate_json
    return from_outside(lambda: build(text), path, then, shown)


def read_regular(path: Path, max_bytes: int | None = None, *, follow: bool = True) -> bytes:
    """The whole content of a regular file. A pipe or a device that lies in its place is refused, and not waited for.

    Args:
        max_bytes: a larger file is refused (errno EFBIG).
        follow: whether a link in its place is followed.

    Raises:
        OSError: if it is missing, too large, no regular file, or cannot be read.
    """
    with open_regular(path, follow=follow) as file:
        if max_bytes is None:
            return file.read()
        content = file.read(max_bytes + 1) if os.fstat(file.fileno()).st_size <= max_bytes else None
    if content is None or len(content) > max_bytes:
        raise OSError(errno.EFBIG, "It is too large")
    return content


def open_regular(path: Path, *, follow: bool = True) -> BinaryIO:
    """A regular file, open for reading; otherwise as `read_regular`."""
    ways = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | (0 if follow else getattr(os, "O_NOFOLLOW", 0))
    descriptor = os.open(path, os.O_RDONLY | ways)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "It is no regular file")
    return open(descriptor, "rb")


def from_outside(build: Callable[[], T], path: Path, then: str, shown: str | None = None) -> T:
    """What `build` makes of the content of `path`, which a sentence calls `shown`.

    Raises:
        PeftClassroomError: that the file is damaged, and in what.
    """
    try:
        return build()
    except (ValidationError, PeftClassroomError) as error:  # the latter from a model's own validator
        reason = sentence(error) if isinstance(error, ValidationError) else str(error)
        raise PeftClassroomError(f"{shown or display_path(path)} is damaged: {shortened(reason)} {then}") from error


def shortened(text: str, most: int = SHOWN) -> str:
    """The text, cut to what a person reads: an error never quotes a whole file."""
    return text if len(text) <= most else f"{text[:most]} …"


def sentence(error: ValidationError) -> str:
    """A pydantic error as one line for people: which setting, what is wrong, what was given."""
    parts = []
    for item in error.errors(include_url=False, include_context=False):
        loc = item["loc"]
        tags = [place + 1 for place, part in enumerate(loc) if part == "method"][:1]  # after it: which kind of method
        where = ".".join(str(part) for place, part in enumerate(loc) if place not in tags) or "settings"
        message = item["msg"][0].lower() + item["msg"][1:]
        given = "" if item["type"] in NOT_SHOWN else f" (given: {shortened(repr(item['input']), GIVEN)})"
        parts.append(f"{where}: {message}{given}")
    return "; ".join(parts) + "."
