"""The style sheets of this folder, in the colours of the theme that is on."""

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
SHEETS = ("narrow", "finger", "keyboard")  # less than 800 px; no mouse; no pointer at all


@cache
def rules(ground: str, ring: str) -> str:
    """All of them. `ground` is what the page stands on, `ring` the colour around what has the focus."""
    sheets = "".join((FOLDER / f"{name}.css").read_text(encoding="utf-8") for name in SHEETS)
    return f":root {{ --ground: {ground}; --ring: {ring}; }}{sheets}"
