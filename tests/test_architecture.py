"""docs/architecture.md draws the house as it is."""

import re

import pytest

from peft_core.paths import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
LIBRARY, APP = PAGE.split("## `app/`")


def drawn(text: str) -> set[str]:
    """The rooms and files in the tables: all that stands between backquotes in their first two cells."""
    cells = [cell for line in text.splitlines() if line.startswith("|") for cell in line.split("|")[1:3]]
    return {name.rstrip("/") for cell in cells for name in re.findall(r"`([a-z_0-9./]+)`", cell)}


@pytest.mark.parametrize(("folder", "text", "most"), [("peft_core", LIBRARY, 20), ("app", APP, 16)])
def test_every_room_is_drawn_and_there_are_few(folder, text, most):
    there = {path.name for path in (ROOT / folder).iterdir() if path.name != "__pycache__"}
    assert len(there) <= most
    elsewhere = {
        "__init__.py",
        "__main__.py",
        "config.py",
        "main.py",
        ".streamlit",
    }  # named in the text, or no room
    names = drawn(text) & there if folder == "app" else drawn(text)
    assert there - elsewhere == names


def test_every_file_that_a_walk_names_is_there():
    walks = PAGE.split("## Three walks")[1]
    for name in re.findall(r"`([a-z_0-9/]+/[a-z_0-9]+\.py|[a-z_]+/[a-z_]+/)`", walks):
        assert (ROOT / name).exists() or (ROOT / "peft_core" / name).exists(), name
