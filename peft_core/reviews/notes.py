"""What a reader should know of a text before trusting what a model says of it. No torch here."""

from dataclasses import dataclass

from peft_core.reviews.checks import had_markup
from peft_core.reviews.language import is_english


@dataclass(frozen=True)
class Note:
    """One sentence. `doubtful`: the answer means nothing, whatever it is."""

    words: str
    doubtful: bool = False


def notes_on(text: str, cleaned: str) -> tuple[Note, ...]:
    """What was done to `text`, which `checks.check_text` made into `cleaned`, and whether its answer means nothing."""
    notes = []
    if had_markup(text):
        notes.append(Note("This text had HTML in it; it was read without."))
    if not any(character.isalpha() for character in cleaned):
        notes.append(Note("There are no words in this text, so the answer means nothing.", doubtful=True))
    elif not is_english(cleaned):
        notes.append(
            Note(
                "This does not look like English, all that these models have learned: do not trust the answer.",
                doubtful=True,
            )
        )
    return tuple(notes)
