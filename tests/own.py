"""Texts of somebody's own, of two classes that one word tells apart, as a class might bring them."""

from peft_core.reviews.own.stored import Brought, StoredTexts, bring

LIVELY, DULL = "good lively funny", "bad dull sad"
THINGS = ("film", "plot", "actor", "scene", "a film", "the plot", "a scene", "i")
SAID = [(f"the {thing} was {how}", how in LIVELY) for how in f"{LIVELY} {DULL}".split() for thing in THINGS]
TEXTS = [text for text, _ in SAID]
HEADER, NAMES = "what was said;kind", ("dull", "lively")  # both names are tokens of the tests' tokenizer


def brought(names: tuple[str, str] = NAMES) -> Brought:
    """The 48 texts, with classes of these names in alphabetical order."""
    return bring(TEXTS, [names[is_lively] for _, is_lively in SAID])


def stored() -> StoredTexts:
    """The same, split."""
    return brought().texts


def as_csv(names: tuple[str, str] = NAMES) -> str:
    """The same as a file."""
    return "\n".join([HEADER, *(f"{text};{names[is_lively]}" for text, is_lively in SAID)])
