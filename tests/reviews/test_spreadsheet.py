"""Lists and spreadsheets of reviews: what is read, and what is refused with a sentence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peft_core.errors import PeftClassroomError
from peft_core.reviews import checks
from peft_core.reviews.spreadsheet import (
    DELIMITERS,
    LABELS,
    MAX_CHARACTERS,
    MAX_COLUMNS,
    MAX_REVIEWS,
    read_list,
    read_table,
    reviews_of,
    safe_cell,
    write_csv,
)


def read_file(content: str | bytes):
    """A file as the page reads it when nobody touches its widgets."""
    table = read_table(content if isinstance(content, bytes) else content.encode())
    names = table.first_row_has_names
    column = table.text_column(names)
    return reviews_of(table, names, column, table.label_column(names, column))


# ---------------------------------------------------------------------------------------------------------------------
# Lists


def test_a_list_is_one_review_a_line_and_empty_lines_are_counted():
    found = read_list("good film\r\n\n  \t\n bad, dull \u2028 film\n\x07\n\n")
    assert found.texts == ("good film", "bad, dull \u2028 film")
    assert found.rows == (1, 4)
    assert found.skipped == 3  # what follows the last review is no row
    assert found.labels is None


def test_the_limits_are_those_of_the_predictor():
    assert (MAX_REVIEWS, MAX_CHARACTERS) == (checks.MAX_TEXTS, checks.MAX_CHARACTERS)
    assert len(read_list("x\n" * MAX_REVIEWS).texts) == MAX_REVIEWS


@pytest.mark.parametrize(
    ("pasted", "sentence"),
    [
        (" \n \n", "no review"),
        ("x\n" * (MAX_REVIEWS + 1), "1,001 reviews; at most 1,000"),
        ("short\n" + "x" * (MAX_CHARACTERS + 1), "row 2 has 20,001 characters"),
    ],
)
def test_lists_that_cannot_be_used(pasted, sentence):
    with pytest.raises(PeftClassroomError, match=sentence):
        read_list(pasted)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused_and_the_predictor_takes_what_is_read(pasted):
    try:
        found = read_list(pasted)
    except PeftClassroomError:
        return
    assert all(checks.check_text(text) for text in found.texts)


# ---------------------------------------------------------------------------------------------------------------------
# Files

FILES = {
    "one column with its name": ("review\nGood, really\nBad\n", ["Good, really", "Bad"], None),
    "one column without a name": ("Good, really\nBad\n", ["Good, really", "Bad"], None),
    "commas and quotes": ('text,label\n"Good, ""really""",positive\nBad,0\n', ['Good, "really"', "Bad"], [1, 0]),
    "semicolons, as a German Excel writes": ("Text;Label\r\nGood, yes;1\r\nBad;NEGATIVE\r\n", ["Good, yes", "Bad"],
                                             [1, 0]),
    "a byte order mark": ("\ufefftext;label\nGood;1\n", ["Good"], [1]),
    "tabs": ("id\treview\tsentiment\n1\tGood film\tpos\n2\tBad film\tneg\n", ["Good film", "Bad film"], [1, 0]),
    "Excel's sep line": ("sep=|\nGood, film|1\nBad; film|0\n", ["Good, film", "Bad; film"], [1, 0]),
    "no names, text first": ("Good film;1\nBad film;0\n", ["Good film", "Bad film"], [1, 0]),
    "no names, number first": ("7,Good film\n8,Bad film\n", ["Good film", "Bad film"], None),
    "a line break inside a text": ('text,label\n"Good\nfilm",1\nBad,0\n', ["Good\nfilm", "Bad"], [1, 0]),
    "rows without a label or a text": ("text;label\nGood;\n;1\n\nBad;0\n", ["Good", "Bad"], [None, 0]),
    "a short row": ("text;label\nGood\nBad;0\n", ["Good", "Bad"], [None, 0]),
    "stars are no labels": ("review,stars\nGood film,5\nBad film,1\n", ["Good film", "Bad film"], None),
}  # fmt: skip


@pytest.mark.parametrize(("content", "texts", "labels"), FILES.values(), ids=FILES.keys())
def test_files_of_spreadsheets(content, texts, labels):
    found = read_file(content)
    assert list(found.texts) == texts
    assert found.labels == (None if labels is None else tuple(labels))


def test_rows_are_numbered_as_the_spreadsheet_numbers_them():
    found = read_file("text;label\nGood;1\n\n;0\nBad;0\n")
    assert (found.rows, found.skipped, found.delimiter) == ((2, 5), 2, ";")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\r\n\r\n", "empty"),
        ("Café\n".encode("latin-1"), r"not text in UTF-8 \(byte 4"),
        (b"PK\x03\x04\xff\xfe", "not text in UTF-8"),
        ("text,label\nGood, really,1\nBad,0\n", "Row 2 of this file has 3 cells"),
        ('"Good, film\nBad', "do not close"),
        ("text\n" * (2 * MAX_REVIEWS + 1), "more than 2,000 rows"),
        ("x\n" * (MAX_REVIEWS + 1), "1,001 reviews"),
        ("," * MAX_COLUMNS, "101 columns"),
        ("text\n\n ", "no review"),
        ("text\n" + "x" * (MAX_CHARACTERS + 1), "row 2 has 20,001 characters"),
    ],
)
def test_files_that_cannot_be_used(content, sentence):
    with pytest.raises(PeftClassroomError, match=sentence):
        read_file(content)


def test_a_column_that_is_no_label_is_refused_by_row():
    table = read_table(b"text,stars\nGood film,1\nBad film,3\n")
    with pytest.raises(PeftClassroomError, match="row 3 is neither"):
        reviews_of(table, True, 0, 1)


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1f"), max_size=12)


@settings(deadline=None)
@given(
    st.lists(st.tuples(cells, cells, st.sampled_from([*LABELS])), min_size=1, max_size=8),
    st.sampled_from(DELIMITERS),
)
def test_what_is_written_is_read_again(rows, delimiter):
    table = read_table(write_csv(("review", "title", "label"), rows, delimiter))
    assert table.delimiter == delimiter
    assert table.body(True) == tuple(tuple(safe_cell(cell) for cell in row) for row in rows)
    assert table.text_column(True) == 0
    assert table.label_column(True, 0) == 2


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text('a,;\t|"\n ', max_size=60).map(str.encode))
def test_any_file_is_read_or_refused_with_a_sentence(data):
    try:
        table = read_table(data)
        found = reviews_of(table, False, table.text_column(False))
    except PeftClassroomError as error:
        assert str(error)[0].isupper()
    else:
        assert all(text.strip() for text in found.texts)


@settings(deadline=None)
@given(st.sampled_from(["=", "+", "-", "@", "\t", "\r", "\n", " =", "  @"]), st.text())
def test_no_cell_of_the_file_is_a_formula(start, rest):
    assert safe_cell(start + rest) == "'" + start + rest
    assert safe_cell(-0.5) == -0.5  # a number is none, whatever its sign
