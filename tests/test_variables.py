"""docs/variables.md has every environment variable that the source reads, and no other, and is the only such table."""

import ast
import re

import pytest

from peft_core.paths import ROOT

PAGE = ROOT / "docs" / "variables.md"
ROOMS = ("peft_core", "app", "benchmarks", "scripts", "deploy")
SOURCES = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
SETTINGS = [path for path in (ROOT / "deploy").iterdir() if path.is_file() and path.suffix != ".py"]
OURS = re.compile(r"PEFT_[A-Z][A-Z_]*")
OF_ANYBODY = {"PYTHONPATH"}  # read to be passed on, and meant for Python


def in_the_table() -> set[str]:
    cells = re.findall(r"^\| (`[^|]*) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([A-Z_]+)`", cell)}


def is_environment(node: ast.expr) -> bool:
    return ast.unparse(node) in ("os.environ", "environment", "before")


def read_by_name(tree: ast.AST) -> set[str]:
    """What stands in `os.environ["…"]`, `os.environ.get("…")` and `os.getenv("…")`."""
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=where, slice=ast.Constant(value=str(name))) if is_environment(where):
                names.add(name)
            case ast.Call(func=ast.Attribute(value=where, attr=how), args=[ast.Constant(value=str(name)), *_]):
                if how == "getenv" or (how in ("get", "pop", "setdefault") and is_environment(where)):
                    names.add(name)
    return names


@pytest.fixture(scope="module")
def ours_and_others() -> tuple[set[str], set[str]]:
    """Every name of ours that stands anywhere as a text of its own; and what is read of others."""
    ours, read = set(), set()
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
        ours |= {text for text in texts if isinstance(text, str) and OURS.fullmatch(text)}
        read |= read_by_name(tree)
    for path in SETTINGS:
        ours |= set(OURS.findall(path.read_text(encoding="utf-8")))
    return ours, read - ours - OF_ANYBODY


def test_every_variable_of_ours_has_its_row_and_no_row_is_of_one_that_nobody_reads(ours_and_others):
    ours, _ = ours_and_others
    assert "PEFT_RUNS_DIR" in ours
    assert {name for name in in_the_table() if OURS.fullmatch(name)} == ours


def test_every_variable_of_others_that_is_read_by_name_has_its_row(ours_and_others):
    _, others = ours_and_others
    assert "CHROMIUM" in others
    assert others <= in_the_table()


def test_a_new_variable_would_be_noticed():
    tree = ast.parse("import os\na = os.environ.get('NEW_ONE')\nb = os.environ['OLD_ONE']\nc = os.getenv('ODD_ONE')")
    assert read_by_name(tree) == {"NEW_ONE", "OLD_ONE", "ODD_ONE"}


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.stem)
def test_no_other_page_has_such_a_table(page):
    rows = re.findall(r"^\| `PEFT_\w+`", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert bool(rows) == (page == PAGE)
