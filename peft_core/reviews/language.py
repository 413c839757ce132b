"""Is a text English? py3langid says, from bytes that occur in 139 languages. No torch here.

Pieces per word are no such test: HTML falls into many pieces, Spanish and Indonesian into few.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

DOUBTFUL = 0.005  # p(English) below: no test review, 92 of 98 short foreign ones; docs/log.md, "Is it English?"
ENOUGH = 300  # characters: more of them cost time and change nothing


def is_english(text: str) -> bool:
    """False where the text is of another language, as far as its first characters tell; an odd word is no evidence."""
    return dict(_identifier().rank(text[:ENOUGH])).get("en", 0.0) >= DOUBTFUL


@cache
def _identifier() -> "LanguageIdentifier":
    """Read once, in some seconds; asking it changes nothing, so threads may share it."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
