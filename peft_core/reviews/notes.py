"""What a reader should know of a text before trusting what a model says of it. No torch here."""

from dataclasses import dataclass

from peft_core.reviews.checks import had_markup
from peft_core.reviews.config import Learned
from peft_core.reviews.language import is_english


@dataclass(frozen=True)
class Note:
    """One sentence. `doubtful`: the answer means nothing, whatever it is. `of_reviews`: of film reviews alone."""

    words: str
    doubtful: bool = False
    of_reviews: bool = False

    def concerns(self, learned: Learned) -> bool:
        """Whether it is to be said of what has learned this: own texts may be in any language."""
        return not (self.of_reviews and learned.own)


def notes_on(text: str, cleaned: str, learned: Learned | None = None) -> tuple[Note, ...]:
    """What was done to `text`, which `checks.check_text` made into `cleaned`, and whether its answer means nothing.

    Args:
        learned: what it is asked of; None: whatever can be said, of any task.
    """
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
                of_reviews=True,
            )
        )
    return tuple(note for note in notes if learned is None or note.concerns(learned))
