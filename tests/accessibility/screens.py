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

SECTIONS = ("section", "tab", "part", "lab", "about", "race")  # keys of an address that open one


def every() -> dict[str, str]:
    """Name → address. A page that is added there is walked without a word here."""
    return {name: address for page in PAGES.values() for name, address in page.items()}


def sample() -> dict[str, str]:
    """One screen of each page, such that each kind of section is among them: the first that shows a new kind.

    What a page shows first is left to its own kind; a page that has no new kind shows its first screen.
    """
    chosen: dict[str, str] = {}
    kinds: set[str] = set()
    for page in PAGES.values():
        new = next((name for name, address in page.items() if kind(address) not in kinds), next(iter(page)))
        chosen[new] = page[new]
        kinds.add(kind(page[new]))
    for name, address in every().items():
        if kind(address) not in kinds and "section" in parse_qs(urlsplit(address).query):
            chosen[name] = address
            kinds.add(kind(address))
    return chosen


def kind(address: str) -> str:
    """What sort of section an address opens: "section=train" is the same on every method's page."""
    query = parse_qs(urlsplit(address).query)
    first = next(iter(query), "")
    return f"section={query['section'][0]}" if "section" in query else f"{urlsplit(address).path}?{first}"


def section(address: str) -> tuple[str, str]:
    """The page and the section of it that an address opens: what has a title of its own."""
    parts = urlsplit(address)
    query = parse_qs(parts.query)
    return parts.path, next((query[key][0] for key in SECTIONS if key in query), "")
