"""The words of a text, and where each stands in it."""

import re
from dataclasses import dataclass

_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class Word:
    """text[start:end] is the word; text[core_start:core_end] is the word without the punctuation around it.

    A word of punctuation alone ("–", "...") is its own core. Offsets count characters of the Python string.
    """

    text: str
    start: int
    end: int
    core_start: int
    core_end: int

    @property
    def core(self) -> str:
        return self.text[self.core_start - self.start : self.core_end - self.start]


def split_words(text: str) -> list[Word]:
    """The words of `text`, in order."""
    return [_word(match) for match in _WORD.finditer(text)]


def _word(match: re.Match) -> Word:
    text, start, end = match.group(), match.start(), match.end()
    inside = [place for place, character in enumerate(text) if character.isalnum()]
    first, last = (inside[0], inside[-1] + 1) if inside else (0, len(text))
    return Word(text, start, end, start + first, start + last)
