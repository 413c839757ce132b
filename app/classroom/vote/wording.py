"""How a question of the class is written, on phones and on the projector."""

import re
from string import ascii_uppercase

_LINK = re.compile(r"\[([^\[\]]+)\]\([^()\s]+(?: \"[^\"]*\")?\)")


def heading(ask: str) -> str:
    """The question: its first paragraph as the heading of the screen, what follows below it."""
    first, _, rest = ask.strip().partition("\n\n")
    return f"# {' '.join(first.split())}" + (f"\n\n{rest}" if rest else "")


def unlinked(markdown: str) -> str:
    """Without its links: on a phone a term's link would lead away from the question."""
    return _LINK.sub(r"\1", markdown)


def option(place: int, words: str) -> str:
    """An option with its letter, as a class calls it out."""
    return f"**{ascii_uppercase[place]}** · {words}"
