"""The prose of the app: Markdown files with named sections, and one table of labels, a folder a language.

A teacher edits a lesson here without reading Python. A section starts with a line `## section: name` and ends at the
next one. `{name}` in a text is filled with a number by the page.
"""

import re
import tomllib
from functools import cache
from pathlib import Path

LANGUAGE = "en"
FOLDER = Path(__file__).parent
_HEADING = re.compile(r"^## section: ([a-z_]+)\s*$", re.MULTILINE)


@cache
def _sections(page: str, language: str) -> dict[str, str]:
    parts = _HEADING.split((FOLDER / language / f"{page}.md").read_text(encoding="utf-8"))
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


@cache
def _labels(language: str) -> dict[str, dict[str, str]]:
    return tomllib.loads((FOLDER / language / "labels.toml").read_text(encoding="utf-8"))


def text(page: str, section: str, /, **values: object) -> str:
    """The Markdown of a section, with its `{names}` filled in. Values come from code, never from a visitor."""
    body = _sections(page, LANGUAGE)[section]
    return body.format(**values) if values else body


def label(group: str, name: str, /, **values: object) -> str:
    """A short text of the interface from `labels.toml`."""
    found = _labels(LANGUAGE)[group][name]
    return found.format(**values) if values else found
