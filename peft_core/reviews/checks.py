"""What may be asked at once: how many texts, how long. No torch here."""

from collections.abc import Sequence

from peft_core.errors import PeftClassroomError
from peft_core.reviews.markup import without_markup
from peft_core.reviews.splits import clean

MAX_CHARACTERS = 20_000
MAX_TEXTS = 1_000


def check_number(texts: Sequence[str]) -> Sequence[str]:
    """Raises PeftClassroomError unless there are 1 to 1,000 texts."""
    if not 1 <= len(texts) <= MAX_TEXTS:
        raise PeftClassroomError(f"Give 1 to {MAX_TEXTS:,} reviews at a time, not {len(texts):,}.")
    return texts


def check_text(text: str) -> str:
    """The text as models read it: HTML and control characters gone, white space folded. Once more changes nothing.

    Raises:
        PeftClassroomError: if nothing is left, or it is longer than 20,000 characters.
    """
    if len(text) > MAX_CHARACTERS:
        raise PeftClassroomError(f"The review has {len(text):,} characters; paste at most {MAX_CHARACTERS:,}.")
    cleaned = _printable(text)
    while (once_more := _printable(without_markup(cleaned))) != cleaned:  # "&amp;quot;" has been through two web pages
        cleaned = once_more
    if not cleaned:
        raise PeftClassroomError("The review is empty: type at least one word.")
    return cleaned


def had_markup(text: str) -> bool:
    """Whether `check_text` takes HTML out of this text."""
    return without_markup(printed := _printable(text)) != printed


def _printable(text: str) -> str:
    return clean("".join(c if c.isprintable() or c.isspace() else " " for c in text))
