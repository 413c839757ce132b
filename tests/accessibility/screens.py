"""Which screens are walked: every address of scripts/screenshots.py, or a sample of them that is always the same."""

import sys
from urllib.parse import parse_qs, urlsplit

from peft_core.paths import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
from screenshots import (  # noqa: F401
    BROWSER_ARGUMENTS,
    PAGES,
    chromium,
    make_worth_a_picture,
    running_app,
    settled,
)

SAMPLE = ("home", "lora-train", "compare-table")
SECTIONS = ("section", "tab", "part", "lab", "about", "race")  # keys of an address that open one


def every() -> dict[str, str]:
    """Name → address. A page that is added there is walked without a word here."""
    return {name: address for page in PAGES.values() for name, address in page.items()}


def sample() -> dict[str, str]:
    """A few that differ most: cards and links, a form, a table; `make axe` walks all of them."""
    everything = every()
    return {name: everything[name] for name in SAMPLE}


def section(address: str) -> tuple[str, str]:
    """The page and the section of it that an address opens: what has a title of its own."""
    parts = urlsplit(address)
    query = parse_qs(parts.query)
    return parts.path, next((query[key][0] for key in SECTIONS if key in query), "")
