"""Some of the ten thousand tables of `make soak`: read or refused, and safe for a spreadsheet and a browser."""

import pytest

from peft_core.reviews.spreadsheet import safe_cell, write_csv
from tests.hostile import soak
from tests.hostile.soak import Told
from tests.hostile.tables import FORMULAS, Judge, Tags, cases, formulas


def test_tables_that_come_in_and_files_that_go_out():
    told = Told()
    soak.try_each(cases(), Judge(told), 40, 3, told)
    assert not told.failed
    assert told.counts["pages written, no tag of theirs in them"] >= 4 and len(told.outcomes) == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_no_text_is_a_formula_in_any_country(delimiter):
    for words in FORMULAS:
        assert not formulas(write_csv(("a", "b"), [(words, 1), ("x", words)], delimiter), delimiter), words
    assert (
        formulas(b'a,b\r\n1,"x;=1"\r\n', ",") and formulas(b"=1,b\r\n", ",") and formulas("\uff1d1\r\n".encode(), ",")
    )


def test_what_is_no_formula_stays_as_it_is():
    for cell in ("good", "1-2", "a = b", ":-)", "well, -5 degrees", "x;y", "two\nlines", 5, -5.2, None):
        assert safe_cell(cell) == cell


def test_the_parser_of_pages_sees_what_it_is_for():
    assert Tags("<p>a</p>").tags != Tags("<p>a<script>1</script></p>").tags
    assert Tags("<p>&lt;script&gt;</p>").tags == Tags("<p>a</p>").tags
    assert Tags('<a href="javascript:1">x</a>').values == ["javascript:1"]
