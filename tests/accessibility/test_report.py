"""docs/accessibility.md has the tables of the last full walk, and names what remains Streamlit's."""

import json

import pytest

from tests.accessibility import report, theirs


@pytest.fixture
def kept():
    """The numbers of that walk."""
    if not report.JSON.is_file():
        pytest.skip(f"there is no {report.JSON.name}: python -m tests.accessibility --write")
    return json.loads(report.JSON.read_text(encoding="utf-8"))


def test_the_page_has_the_tables_of_the_last_walk(kept):
    page = report.PAGE.read_text(encoding="utf-8")
    assert report.in_page(page, report.written(kept)) == page


def test_the_last_walk_found_nothing_of_ours(kept):
    assert kept["screens"] > 100
    assert report.wrong(kept) == []


def test_the_page_names_each_line_of_the_list():
    page = report.PAGE.read_text(encoding="utf-8")
    for line in (*theirs.VIOLATIONS, *theirs.OPEN):
        assert f"`{line.rule}`" in page
        assert line.why in page
    for why in (*theirs.NAMELESS.values(), *theirs.UNSEEN.values()):
        assert why in page
