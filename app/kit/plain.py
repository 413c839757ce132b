"""Sentences of the library on the screen, as plain text."""

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$:<>-])")


def escaped(message: object) -> str:
    """`message` so that Markdown shows it letter for letter: nothing in it becomes a link, an image or a formula."""
    return _SPECIAL.sub(r"\\\1", str(message))
