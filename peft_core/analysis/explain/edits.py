"""Counterfactuals: the smallest edits of a review that a person would try. No torch here.

A word is what stands between two spaces, with the punctuation that touches it: deleting one is what a hand would
delete, and every text has one reading. Three edits: delete a word, replace a word, negate.

The rule of `negate` is small, on purpose, and knows no grammar. The first line that fits is used, once:

    1. "It is not true that …" at the start      → those words go
    2. the first negation                        → it goes, or its opposite takes its place: see NEGATIONS
    3. the first auxiliary or copula             → "not" comes after it: "is" → "is not", "it's" → "it's not"
    4. none of these                             → "It is not true that" comes first

So lines 3 and 4 are undone by negating again. Only one clause changes: a long review keeps most of its meaning.
"""

from dataclasses import dataclass

from peft_core.errors import PeftClassroomError
from peft_core.reviews.words import Word, split_words

DENIAL = "It is not true that "
AUXILIARIES = frozenset(
    "am is are was were be been being do does did have has had can could may might must shall should will would".split()
)
PRONOUNS = frozenset("it that this there here he she who what".split())  # "it's" is "it is"; "film's" is not
NEGATIONS = {  # what takes the place of a word that negates; "": nothing does
    **dict.fromkeys("not never n't hardly barely scarcely".split(), ""),
    **{"no": "some", "none": "some", "nothing": "something", "nobody": "somebody", "nowhere": "somewhere"},
    **{"without": "with", "neither": "either", "nor": "or", "cannot": "can", "can't": "can", "won't": "will"},
    **{"shan't": "shall", "ain't": "is", "needn't": "need"},
}
PAIRS = {("no", "one"): "someone", ("no", "longer"): "still"}


@dataclass(frozen=True)
class Edit:
    """An edited text and a sentence that says what was done. Both hold the visitor's words: never Markdown or HTML."""

    text: str
    done: str


def delete_word(text: str, index: int) -> Edit:
    """`text` without word `index` and the space that parted it from its neighbour. What is left may be empty.

    Raises:
        PeftClassroomError: if there is no such word.
    """
    word = _at(text, index)
    before, after = text[: word.start], text[word.end :]
    if after.strip():
        after = after.lstrip()
    else:  # it was the last one
        before = before.rstrip()
    return Edit(before + after, f"Deleted “{word.text}” (word {index + 1}).")


def replace_word(text: str, index: int, by: str) -> Edit:
    """`text` with `by` in the place of word `index`; the punctuation around the word stays.

    Raises:
        PeftClassroomError: if there is no such word, or `by` is empty.
    """
    word = _at(text, index)
    by = " ".join(by.split())
    if not by:
        raise PeftClassroomError("Type the word that is to take the place of the chosen one.")
    done = f"Replaced “{word.core}” (word {index + 1}) by “{by}”."
    return Edit(text[: word.core_start] + by + text[word.core_end :], done)


def negate(text: str) -> Edit:
    """`text` with one negation more or less, by the rule at the top of this file.

    Raises:
        PeftClassroomError: if there are no words.
    """
    words = split_words(text)
    if not words:
        raise PeftClassroomError("There is nothing to negate: type at least one word.")
    if text.startswith(DENIAL) and len(words) > len(DENIAL.split()):
        return Edit(text[len(DENIAL) :], f"Removed “{DENIAL.strip()}” from the start.")
    for index, word in enumerate(words):
        positive = _without_negation(word.core)
        if positive is not None and not _answers(word):
            return _remove_negation(text, index, words, positive)
    for index, word in enumerate(words):
        if _takes_not(word.core):
            edited = f"{text[: word.core_end]} not{text[word.core_end :]}"
            return Edit(edited, f"Inserted “not” after “{word.core}” (word {index + 1}).")
    done = f"Found no negation and no word like “is” or “did”, so put “{DENIAL.strip()}” in front."
    return Edit(DENIAL + text, done)


def _remove_negation(text: str, index: int, words: list[Word], positive: str) -> Edit:
    word = words[index]
    start, end, gone = word.core_start, word.core_end, word.core
    if index + 1 < len(words) and (pair := PAIRS.get((_plain(gone), _plain(words[index + 1].core)))):
        following = words[index + 1]
        positive, end, gone = pair, following.core_end, f"{gone} {following.core}"
    if positive:
        positive = positive.capitalize() if gone[0].isupper() else positive
        edited, done = text[:start] + positive + text[end:], f"Replaced “{gone}” (word {index + 1}) by “{positive}”."
        if _plain(gone) == "neither" and (nor := next((w for w in words[index:] if _plain(w.core) == "nor"), None)):
            longer = len(edited) - len(text)
            edited = edited[: nor.core_start + longer] + "or" + edited[nor.core_end + longer :]
            done = f"{done[:-1]}, and “nor” by “or”."
        return Edit(edited, done)
    if start > 0 and text[start - 1].isspace():  # the exact inverse of inserting " not"
        start -= 1
    elif text[end : end + 1].isspace():
        end += 1
    return Edit(text[:start] + text[end:], f"Removed “{gone}” (word {index + 1}).")


def _answers(word: Word) -> bool:
    """Whether this is a "No" by itself, as in "No, it was dull": taking it away negates nothing."""
    return _plain(word.core) == "no" and word.end > word.core_end


def _without_negation(core: str) -> str | None:
    """What takes this word's place when it negates ("": nothing; "isn't" → "is"), None for other words."""
    plain = _plain(core)
    if plain in NEGATIONS:
        return NEGATIONS[plain]
    positive = plain.removesuffix("n't")
    return positive if positive in AUXILIARIES and positive != plain else None


def _takes_not(core: str) -> bool:
    """Whether "not" may come after this word: an auxiliary, or a contraction that ends in one."""
    plain = _plain(core)
    stem, apostrophe, ending = plain.partition("'")
    if not apostrophe:
        return plain in AUXILIARIES
    return ending in ("m", "re", "ve", "ll", "d") or (ending == "s" and stem in PRONOUNS)


def _plain(core: str) -> str:
    return core.lower().replace("’", "'")


def _at(text: str, index: int) -> Word:
    words = split_words(text)
    if not 0 <= index < len(words):
        raise PeftClassroomError(f"The text has {len(words):,} words; there is no word number {index + 1:,}.")
    return words[index]
