"""The prose of the app: Markdown files with named sections, and one table of labels, a folder a language.

A teacher edits a lesson here without reading Python. A section starts with a line `## section: name` and ends at the
next one. `{name}` in a text is filled with a number by the page. A file of `method/` begins with labels of its own,
TOML between two lines `+++`. `[[term]]` and `[[other words|term]]` are terms of `glossary.toml`: see `marked`.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGE = "en"
FOLDER = Path(__file__).parent
_HEAD = re.compile(r"\A\+\+\+\n(.*?)^\+\+\+$", re.MULTILINE | re.DOTALL)
_TERM = re.compile(r"\[\[(?:([^\[\]|]+)\|)?([^\[\]|]+)\]\]")
_HEADING = re.compile(r"^## section: ([a-z0-9_]+)\s*$", re.MULTILINE)


@cache
def _file(page: str, language: str) -> str:
    return (FOLDER / language / f"{page}.md").read_text(encoding="utf-8")


@cache
def _sections(page: str, language: str) -> dict[str, str]:
    parts = _HEADING.split(_file(page, language))
    return {name: marked(body.strip(), language) for name, body in zip(parts[1::2], parts[2::2], strict=True)}


@cache
def _glossary(language: str) -> dict[str, str]:
    return tomllib.loads((FOLDER / language / "glossary.toml").read_text(encoding="utf-8"))


def glossary() -> Mapping[str, str]:
    """Every term and what it means, in alphabetical order."""
    return _glossary(LANGUAGE)


def anchor(term: str) -> str:
    """Where a term stands on the page Glossary: the id that a browser is given for such a heading."""
    return "-".join(re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", term)).lower()


def marked(body: str, language: str = LANGUAGE) -> str:
    """`body` with its terms as links: a browser shows the title where the mouse rests, and a click leads to the page.

    Titles come from the glossary, never from a visitor.
    """

    def link(found: re.Match[str]) -> str:
        words, term = found[1] or found[2], found[2]
        return f'[{words}](glossary#{anchor(term)} "{_glossary(language)[term]}")'

    return _TERM.sub(link, body)


@cache
def _labels(language: str) -> dict[str, dict[str, str]]:
    groups = tomllib.loads((FOLDER / language / "labels.toml").read_text(encoding="utf-8"))
    return {group: {name: marked(words, language) for name, words in named.items()} for group, named in groups.items()}


@cache
def _head(page: str, language: str) -> dict[str, Any]:
    found = _HEAD.match(_file(page, language))
    return tomllib.loads(found[1]) if found else {}


def head(page: str) -> Mapping[str, Any]:
    """The labels that a file begins with; empty if it has none."""
    return _head(page, LANGUAGE)


def has_section(page: str, section: str) -> bool:
    """Whether the file of `page` has this section."""
    return section in _sections(page, LANGUAGE)


def text(page: str, section: str, /, **values: object) -> str:
    """The Markdown of a section, with its `{names}` filled in. Values come from code, never from a visitor."""
    body = _sections(page, LANGUAGE)[section]
    return body.format(**values) if values else body


def labels(group: str) -> Mapping[str, str]:
    """All short texts of a group of `labels.toml`."""
    return _labels(LANGUAGE)[group]


def label(group: str, name: str, /, **values: object) -> str:
    """A short text of the interface: from `labels.toml`, or, for a group "method/NAME", from that file's head."""
    found = (head(group) if "/" in group else _labels(LANGUAGE)[group])[name]
    return found.format(**values) if values else found
