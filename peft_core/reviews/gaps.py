"""A sentence with a gap, and the words that go into it: texts that differ in one word alone. No torch here.

"This film was made in ___."  +  France, Iraq  →  "This film was made in France."  "This film was made in Iraq."
"""

import re

from peft_core.errors import PeftClassroomError

MAX_SENTENCE = 200  # characters
MAX_WORDS = 30
MAX_LETTERS = 40  # of a word, which may be several: "an old woman"
GAP = re.compile(r"_{2,}")
_BETWEEN_WORDS = re.compile(r"[,;\n،、，；]")  # also as Arabic, Japanese and Chinese write a comma


def check_sentence(written: str) -> str:
    """The sentence with its white space folded.

    Raises:
        PeftClassroomError: unless it has exactly one gap, other words too, and at most 200 characters.
    """
    sentence = " ".join(written.split())
    if not sentence:
        raise PeftClassroomError("Type a sentence with a gap in it: ___, two underscores or more.")
    if len(sentence) > MAX_SENTENCE:
        raise PeftClassroomError(f"The sentence has {len(sentence):,} characters; use at most {MAX_SENTENCE}.")
    gaps = len(GAP.findall(sentence))
    if gaps != 1:
        has = "no gap" if not gaps else f"{gaps} gaps"
        raise PeftClassroomError(f"The sentence has {has}; it needs exactly one: ___, two underscores or more.")
    if not any(character.isalpha() for character in sentence):
        raise PeftClassroomError("The sentence is nothing but a gap: type some words around it.")
    return sentence


def check_words(written: str) -> tuple[str, ...]:
    """The words for the gap, which stand between commas or on lines of their own; each of them once.

    Raises:
        PeftClassroomError: for fewer than two, more than 30, or one that is too long.
    """
    words = tuple(dict.fromkeys(filter(None, (" ".join(part.split()) for part in _BETWEEN_WORDS.split(written)))))
    if len(words) < 2:
        raise PeftClassroomError("Type at least two different words, with a comma between them.")
    if len(words) > MAX_WORDS:
        raise PeftClassroomError(f"There are {len(words):,} words; use at most {MAX_WORDS}.")
    longest = max(words, key=len)
    if len(longest) > MAX_LETTERS:
        raise PeftClassroomError(
            f"“{longest[:MAX_LETTERS]}…” has {len(longest):,} characters; use at most {MAX_LETTERS} for a word."
        )
    return words


def filled(sentence: str, word: str) -> str:
    """The sentence with `word` in its gap."""
    return GAP.sub(lambda _: word, sentence, count=1)
