"""How often a word occurs in labelled reviews, and how many of those are positive. No torch here."""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Mentions:
    """`n` reviews have the word in them; `positive` of these are positive."""

    n: int
    positive: int

    @property
    def share(self) -> float:
        """Of the reviews with the word, those that are positive; there has to be one."""
        return self.positive / self.n


def mentions(texts: Sequence[str], labels: Sequence[int], words: Sequence[str]) -> list[Mentions]:
    """For each word, or several in this order, whole and in capitals or not: a review counts once.

    Spelling is all that is compared: "Turkey" is found in a review that calls a film a turkey.
    """
    lowered = [text.lower() for text in texts]
    found = []
    for word in map(str.lower, words):
        whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
        of_word = [label for text, label in zip(lowered, labels, strict=True) if word in text and whole.search(text)]
        found.append(Mentions(len(of_word), sum(of_word)))
    return found
