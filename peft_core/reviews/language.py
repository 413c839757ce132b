"""Is a text English? py3langid says, from bytes that occur in 139 languages. No torch here.

Pieces per word are no such test: HTML falls into many pieces, Spanish and Indonesian into few.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

LIKELY = 0.2  # the best language at least, or the text is too short to tell; docs/log.md, "Is it English? (2)"
TIMES = 20  # so much likelier than English
ENOUGH = 300  # characters: more of them cost time and change nothing


def is_english(text: str) -> bool:
    """False where another language is likely, and far likelier than English; an odd word is no evidence."""
    ranked = _identifier().rank(text[:ENOUGH])
    best = ranked[0][1]
    return best < LIKELY or best <= TIMES * dict(ranked).get("en", 0.0)


@cache
def _identifier() -> "LanguageIdentifier":
    """Read once, in some seconds; asking it changes nothing, so threads may share it."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
