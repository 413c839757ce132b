"""Lists and spreadsheets of reviews: what is read, and what is refused with a sentence."""

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peft_core.errors import PeftClassroomError
from peft_core.reviews import checks
from peft_core.reviews.spreadsheet import (
    DELIMITERS,
    ENCODINGS,
    LABELS,
    MANY,
    MAX_CHARACTERS,
    MAX_COLUMNS,
    MAX_REVIEWS,
    ONE_COLUMN,
    labelled,
    looks_like_table,
    plain_meaning,
    read_list,
    read_table,
    safe_cell,
    write_csv,
)


def suggested(content: str | bytes):
    """The table of a file, and what is suggested for it: names, the column of texts, that of labels."""
    table = read_table(content if isinstance(content, bytes) else content.encode())
    names = table.first_row_has_names
    column = table.text_column(names)
    return table, names, column, table.label_column(names, column)


def read_file(content: str | bytes):
    """A file as it is read when a person takes what is suggested, and labels are plain or there are none."""
    table, names, column, labels = suggested(content)
    if labels is not None and not plain_meaning(table.values_of(labels, names)):
        labels = None
    return labelled(table, names, column, labels)


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


def workbook(entry: str) -> bytes:
    """A zipped file with this entry, as office programs write."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(entry, "<xml/>")
    return file.getvalue()


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
    "tabs, nothing quoted, one mark alone": ('sentence\tlabel\n"Good film\t1\nBad film\t0\nShe said "no"\t0\n',
                                             ['"Good film', "Bad film", 'She said "no"'], [1, 0, 0]),
    "commas, nothing quoted, one mark alone": ('id,review,label\n1,"Good film,1\n2,Bad film,0\n',
                                               ['"Good film', "Bad film"], [1, 0]),
    "a mark that opens and never closes": ('"Good, plot\nBad', ['"Good, plot', "Bad"], None),
    "names in Persian": ("نظر,برچسب\nفیلم خوبی بود,1\nبد بود,0\n", ["فیلم خوبی بود", "بد بود"], [1, 0]),
    "names in Chinese, labels first": ("标签,评论\n1,这部电影非常好看\n0,太无聊了\n",
                                       ["这部电影非常好看", "太无聊了"], [1, 0]),
    "an old Mac's line ends": ("text;label\rGood;1\rBad;0\r", ["Good", "Bad"], [1, 0]),
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
        (b"PK\x03\x04\xff\xfe", "This is a ZIP archive, not a text file"),
        (workbook("xl/workbook.xml"), "This is an Excel workbook"),
        (workbook("content.xml"), "This is an OpenDocument file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Office"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\x00\x00\x01\x02abc\x00", "a binary file"),
        (b"\xff\xfe\x00\xd8a", "not text in UTF-16"),
        (b"x" * (MANY.megabytes * 1_000_000 + 1), "3.0 MB; at most 3"),
        ("x" * 140_000, "more than 131,072 characters"),
        ("text,label\nGood, really,1\nBad,0\n", "Row 2 of this file has 3 cells"),
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


def test_a_label_of_which_nobody_said_what_it_means_is_refused_by_row():
    table = read_table(b"text,stars\nGood film,1\nBad film,3\n")
    with pytest.raises(PeftClassroomError, match="row 3 is '3', and nobody has said"):
        labelled(table, True, 0, 1)
    with pytest.raises(PeftClassroomError, match="row 2 is '1', and nobody has said"):
        labelled(table, True, 0, 1, {"3": 1})  # no plain meaning beside a told one: 1 star is bad


STARS = "review_body,star_rating\n" + "".join(f"film number {i} of mine,{1 + i % 5}\n" for i in range(15))


def test_what_labels_mean_is_told_and_never_guessed():
    table, names, texts, labels = suggested(STARS)
    assert (names, texts, labels) == (True, 0, 1)
    assert table.columns(names) == ("review_body", "star_rating")
    assert table.values_of(labels, names) == dict.fromkeys("12345", 3)
    assert plain_meaning(table.values_of(labels, names)) == {}  # though "1" alone would be plain
    told = labelled(table, names, texts, labels, {"4": 1, "5": 1, "1": 0, "2": 0, "3": None})
    assert told.labels == (0, 0, None, 1, 1) * 3
    words, *rest = suggested("a,b\nfine film,good\nso so,BAD\nlovely film,Good\npoor film,bad\n")
    assert rest == [True, 0, 1]
    assert words.values_of(1, True) == {"BAD": 2, "good": 2}
    assert plain_meaning(words.values_of(1, True)) == {}
    assert labelled(words, True, 0, 1, {"good": 1, "bad": 0}).labels == (1, 0, 1, 0)


def test_the_first_row_is_no_name_where_it_looks_like_the_others():
    for content in ("Good film;1\nBad film;0\n", "Good,pos\nFine,pos\nBad,neg\nSad,neg\n", "a film\nb film\n"):
        assert not read_table(content.encode()).first_row_has_names


SPOKEN = {
    "utf-8": "نظر;برچسب\nفیلم خیلی خوبی بود;1\nبد بود;0\n",
    "utf-16": "评论;标签\n这部电影非常好看;1\n太无聊了;0\n",
    "cp1252": "Text;Wert\nSchöner Film, “großartig”;1\nUne soirée gâchée, très ennuyeuse;0\n",
    "cp1250": "text;label\nKrásný film, moc se mi líbil;1\nŠpatný film, nudný příběh;0\n",
    "cp1251": "текст;метка\nОтличный фильм, всем советую;1\nОчень скучно и плохо;0\n",
    "cp1256": "نص;وسم\nفيلم رائع جدا احببته كثيرا;1\nفيلم سيئ وممل للغاية;0\n",
    "gb18030": "评论;标签\n这部电影非常好看;1\n太无聊了不推荐;0\n",
    "cp932": "レビュー;ラベル\nとても面白い映画でした;1\n退屈でつまらない;0\n",
}


@pytest.mark.parametrize("encoding", SPOKEN)
def test_every_usual_encoding_is_told_by_its_letters_and_taken_by_its_name(encoding):
    data = SPOKEN[encoding].encode(encoding)
    lines = [line.split(";") for line in SPOKEN[encoding].splitlines()]
    for table in (read_table(data), read_table(data, encoding=encoding)):
        assert table.encoding == encoding
        assert [list(row) for row in table.cells] == lines
    assert labelled(table, True, 0, 1).labels == (1, 0)
    assert encoding in ENCODINGS


def test_a_utf_16_without_its_mark_and_a_file_in_another_encoding_than_was_said():
    for codec in ("utf-16-le", "utf-16-be"):
        assert read_table(SPOKEN["utf-16"].encode(codec)).cells[0] == ("评论", "标签")
    with pytest.raises(PeftClassroomError, match="not text in UTF-8"):
        read_table("Café\n".encode("cp1252"), encoding="utf-8")
    with pytest.raises(PeftClassroomError, match="Unknown encoding"):
        read_table(b"x", encoding="rot13")


def test_the_person_says_how_a_file_is_to_be_read():
    content = b'a,b;"c;d"\n'
    assert read_table(content, delimiter=",").cells == (("a", 'b;"c;d"'),)
    assert read_table(content, delimiter=";").cells == (("a,b", "c;d"),)
    assert read_table(content, delimiter=";", quoted=False).cells == (("a,b", '"c', 'd"'),)
    alone = read_table(content, delimiter=ONE_COLUMN)
    assert alone.cells == (('a,b;"c;d"',),)
    assert labelled(alone, False, 0).delimiter == ","  # what is written back opens in a spreadsheet
    with pytest.raises(PeftClassroomError, match="do not close"):
        read_table(b'"Good, film\nBad', quoted=True)


def test_a_pasted_table_is_noticed_and_prose_is_not():
    for table in (STARS, "text;label\nGood, fine;1\nBad;0", "good,1\nbad,0\nfine,1\nsad,0", 'a\t1\n"b\t0\nc\t1\nd\t0'):
        assert looks_like_table(table)
    for prose in ("Good, fine.\nBad, dull.\nFine, really.", "good film\nbad film\nsad", "text;label\ngood;1"):
        assert not looks_like_table(prose)


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1f"), max_size=12)


@settings(deadline=None)
@given(
    st.lists(st.tuples(cells, cells, st.sampled_from([*LABELS])), min_size=1, max_size=8),
    st.sampled_from(DELIMITERS),
)
def test_what_is_written_is_read_again(rows, delimiter):
    table = read_table(write_csv(("review", "title", "label"), rows, delimiter))
    assert (table.delimiter, table.encoding) == (delimiter, "utf-8")
    assert table.body(True) == tuple(tuple(safe_cell(cell, delimiter) for cell in row) for row in rows)
    assert table.text_column(True) == 0
    assert table.label_column(True, 0) == 2


@settings(deadline=None)
@given(st.binary(max_size=200).map(lambda data: b"a;\n" + data) | st.text('a,;\t|"\n ', max_size=60).map(str.encode))
def test_any_file_is_read_or_refused_with_a_sentence(data):
    try:
        table = read_table(data)
        found = labelled(table, False, table.text_column(False))
    except PeftClassroomError as error:
        assert str(error)[0].isupper()
    else:
        assert all(text.strip() for text in found.texts)


@settings(deadline=None)
@given(st.sampled_from(["=", "+", "-", "@", "\t", "\r", "\n", " =", "  @"]), st.text())
def test_no_cell_of_the_file_is_a_formula(start, rest):
    safe = safe_cell(start + rest)
    assert safe.startswith("'" + start[:1])
    assert safe.replace("'", "") == (start + rest).replace("'", "")
    assert safe_cell(-0.5) == -0.5  # a number is none, whatever its sign
