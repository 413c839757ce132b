"""Output for a reader whose encoding lacks some of our letters: plain ones in their place, and never a crash."""

import codecs
import sys
import unicodedata
from collections.abc import Iterable
from typing import TextIO

HANDLER = "peft_core.plain_letters"
PLAIN = {
    "→": "->", "←": "<-", "−": "-", "–": "-", "━": "-", "·": "*", "×": "x", "⊙": "(.)", "⁄": "/", "±": "+-",
    "√": "sqrt", "‖": "||", "⟨": "<", "⟩": ">", "≥": ">=", "≤": "<=", "≈": "~", "∂": "d", "∫": "integral", "✓": "yes",
    "“": '"', "”": '"', "’": "'",
}  # fmt: skip
GREEK = ("GREEK SMALL LETTER ", "GREEK CAPITAL LETTER ")
LOST = "?"


def plain(letter: str) -> str:
    """ASCII letters for one that an encoding lacks: Δ is Delta, r₁ is r1, … is three dots; LOST where nothing is."""
    if letter in PLAIN:
        return PLAIN[letter]
    for case, prefix in zip((str.lower, str.capitalize), GREEK, strict=True):
        if (name := unicodedata.name(letter, "")).startswith(prefix):
            return case(name.removeprefix(prefix).split()[0])
    apart = (PLAIN.get(one, one) for one in unicodedata.normalize("NFKD", letter))
    kept = "".join(apart).encode("ascii", "ignore").decode()
    return kept or ("" if unicodedata.combining(letter) else LOST)


def tell_plainly(streams: Iterable[TextIO] | None = None) -> None:
    """Let standard output and standard error write plain letters where their encoding lacks one."""
    codecs.register_error(HANDLER, _instead)
    for stream in (sys.stdout, sys.stderr) if streams is None else streams:
        if hasattr(stream, "reconfigure") and not (stream.encoding or "").lower().startswith("utf"):
            stream.reconfigure(errors=HANDLER)


def _instead(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(plain, error.object[error.start : error.end])), error.end
