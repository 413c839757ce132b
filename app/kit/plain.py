"""Sentences of the library on the screen, as plain text."""

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$:<>-]|&(?=#?\w+;))")
_BEGINS_A_LINE = re.compile(r"^(\s*\d*)([.=])", re.MULTILINE)  # of a list; what makes the line before a heading
_INDENTED = re.compile(r"(?<=\n)[ \t]+")  # after an empty line it would be code
# A browser makes a link of any text that looks like one, and does so after the backslashes have gone: only a sign that
# nobody sees, within it, keeps it a text.
_LIKE_A_LINK = re.compile(r"(?<=http:)(?=//)|(?<=https:)(?=//)|(?<=www)(?=\.)|(?<=@)", re.IGNORECASE)
JOINER = "\N{WORD JOINER}"


def escaped(message: object) -> str:
    """`message` so that Markdown shows it letter for letter: nothing in it becomes a link, an image or a formula."""
    message = _INDENTED.sub("", str(message))
    return _BEGINS_A_LINE.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", _LIKE_A_LINK.sub(JOINER, message)))
