"""A table that somebody brings: how it was read, its first rows, and which column is which, said by the person.

What is preselected is a suggestion that stands on the screen. Cells are plain text wherever they are shown.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app.content import label
from app.kit.plain import escaped
from peft_core.errors import PeftClassroomError
from peft_core.reviews.spreadsheet import (
    DELIMITERS,
    ENCODINGS,
    MANY,
    MAX_VALUES,
    ONE_COLUMN,
    Bounds,
    NotTextError,
    Table,
    plain_meaning,
    read_table,
    safe_cell,
)

SHOWN_ROWS, SHOWN_CHARACTERS = 4, 120
MAX_UPLOAD = 25  # megabytes; a larger file than a reader's own bound is refused by a sentence, not by a red icon


@dataclass(frozen=True)
class Told:
    """A table and what the person says of it, for `labelled`. Without a column of labels `meaning` is empty."""

    table: Table
    has_names: bool
    text_column: int
    label_column: int | None
    meaning: Mapping[str, int | None]


def upload(key: str, title: str) -> UploadedFile | None:
    """A place for one file of any kind: what cannot be read is refused on the page, where the reason can be read."""
    return st.file_uploader(title, key=key, max_upload_size=MAX_UPLOAD)


def table_preview(
    key: str, data: bytes, bounds: Bounds = MANY, needs_labels: bool = False, classes: tuple[str, str] | None = None
) -> Told | None:
    """The first rows of a file, and controls that say what they are; None, after a sentence, while something is open.

    `key` begins the keys of all widgets, which start anew with another file. With `needs_labels`, "none" is no choice.
    `classes` is how the values for 0 and those for 1 are asked for; without it, negative and positive.

    Raises:
        PeftClassroomError: if the file cannot be read.
    """
    key = f"{key}_{hashlib.sha256(data).hexdigest()[:8]}"
    place = st.container()
    table = _read(data, bounds, *_how(key, data, bounds))
    with place, st.container(horizontal=True, vertical_alignment="bottom"):
        has_names = st.toggle(label("table", "has_names"), table.first_row_has_names, key=f"{key}_names")
        text_column, label_column = _columns(key, table, has_names, needs_labels)
    with place:
        _first_rows(key, table, has_names, text_column, label_column)
    if not table.body(has_names):
        raise PeftClassroomError(label("table", "only_names"))
    if label_column is None:
        if needs_labels:
            st.info(label("table", "needs_labels"), icon=":material/info:")
            return None
        return Told(table, has_names, text_column, None, {})
    meaning = _meaning(f"{key}_{label_column}_{has_names}", table, has_names, label_column, classes)
    return None if meaning is None else Told(table, has_names, text_column, label_column, meaning)


@st.cache_data(scope="session", max_entries=8, show_spinner=False)
def _read(data: bytes, bounds: Bounds, encoding: str | None, delimiter: str | None, quoted: bool | None) -> Table:
    return read_table(data, bounds, encoding, delimiter, quoted)


def _how(key: str, data: bytes, bounds: Bounds) -> tuple[str | None, str | None, bool | None]:
    """How the file is read: as the person says in a small window, or else as the file itself tells."""
    told = tuple(st.session_state.get(f"{key}_{what}") for what in ("encoding", "delimiter", "quoted"))
    refusal = None
    try:
        table = _read(data, bounds, *told)
        words = label(
            "table",
            "read",
            encoding=ENCODINGS[table.encoding],
            delimiter=_delimiter(table.delimiter),
            quoted=label("table", "quoted" if table.quoted else "unquoted"),
        )
    except PeftClassroomError as error:
        if isinstance(error, NotTextError):
            raise  # no other way to read it would help
        refusal, words = error, label("table", "not_read")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(words, width="content")
        with st.popover(label("table", "read_change"), type="tertiary"):
            automatic = label("table", "automatic")
            st.selectbox(
                label("table", "encoding"),
                [None, *ENCODINGS],
                format_func=lambda name: ENCODINGS.get(name, automatic),
                key=f"{key}_encoding",
            )
            st.selectbox(
                label("table", "delimiter"),
                [None, *DELIMITERS, ONE_COLUMN],
                format_func=lambda mark: automatic if mark is None else _delimiter(mark),
                key=f"{key}_delimiter",
            )
            st.selectbox(
                label("table", "marks"),
                [None, True, False],
                format_func=lambda on: automatic if on is None else label("table", "quoted" if on else "unquoted"),
                key=f"{key}_quoted",
            )
    if refusal is not None:
        raise refusal
    return told


def _delimiter(mark: str) -> str:
    names = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma", ONE_COLUMN: "one_column", ":": "colon"}
    return label("table", names[mark])


def _columns(key: str, table: Table, has_names: bool, needs_labels: bool) -> tuple[int, int | None]:
    if table.width == 1:
        return 0, None
    names = table.columns(has_names)

    def name(column: int | None) -> str:
        if column is None:
            return label("table", "no_labels")
        return label("table", "column", number=column + 1, name=names[column][:40]).strip()

    columns = list(range(table.width))
    text_column = st.selectbox(
        label("table", "text_column"),
        columns,
        table.text_column(has_names),
        format_func=name,
        key=f"{key}_text_{has_names}",
    )
    others = [c for c in columns if c != text_column]
    options = others if needs_labels else [None, *others]
    suggested = table.label_column(has_names, text_column)
    label_column = st.selectbox(
        label("table", "label_column"),
        options,
        options.index(suggested) if suggested in options else None,
        format_func=name,
        key=f"{key}_label_{text_column}_{has_names}",
    )
    return text_column, label_column


def _first_rows(key: str, table: Table, has_names: bool, text_column: int, label_column: int | None) -> None:
    """The first rows, the chosen columns first: every cell and every name as plain text."""
    chosen = [text_column] if label_column is None else [text_column, label_column]
    order = [*chosen, *(c for c in range(table.width) if c not in chosen)]
    names = table.columns(has_names)
    first = table.body(has_names)[:SHOWN_ROWS]
    role = {text_column: label("table", "is_text"), label_column: label("table", "is_label")}
    frame = pd.DataFrame(
        {f"{c + 1}. {names[c][:40]} {role.get(c, '')}".strip(): [_start(row[c]) for row in first] for c in order},
        dtype="str",
    )
    st.dataframe(frame, hide_index=True, width="stretch", key=f"{key}_first_rows", row_height=28)
    body = len(table.body(has_names))
    st.caption(label("table", "rows", shown=len(first), total=f"{body:,}"))


def _start(cell: str) -> str:
    line = " ".join(cell.split())
    return safe_cell(line if len(line) <= SHOWN_CHARACTERS else f"{line[: SHOWN_CHARACTERS - 1]}…")


def _meaning(
    key: str, table: Table, has_names: bool, column: int, classes: tuple[str, str] | None
) -> dict[str, int | None] | None:
    """What every value of the column of labels means: plain ones as they say, others as the person says."""
    values = table.values_of(column, has_names)
    if not values:
        st.info(label("table", "no_values"), icon=":material/info:")
        return None
    if len(values) > MAX_VALUES:
        words = label("table", "too_many_values", n=f"{len(values):,}", most=MAX_VALUES)
        st.info(words, icon=":material/info:")
        return None
    zeros, ones = classes or (label("table", "negative"), label("table", "positive"))
    plain = plain_meaning(values)
    if classes and len(values) == 2 and not plain:  # whatever they are called, these are the two
        plain = dict(zip(values, (0, 1), strict=True))

    def with_count(value: str) -> str:
        return label("table", "value", value=value[:40], n=f"{values[value]:,}")

    told: dict[int, list[str]] = {}
    with st.container(horizontal=True):
        for meant, title in ((1, ones), (0, zeros)):
            told[meant] = st.multiselect(
                title,
                list(values),
                [value for value, what in plain.items() if what == meant],
                format_func=with_count,
                key=f"{key}_means_{meant}",
                placeholder=label("table", "choose_values"),
            )
    both = [value for value in told[1] if value in told[0]]
    if both:
        st.info(escaped(label("table", "both", values=", ".join(both))), icon=":material/info:")
        return None
    if not told[0] and not told[1]:
        st.info(label("table", "say_meaning"), icon=":material/info:")
        return None
    left = [value for value in values if value not in told[0] and value not in told[1]]
    if left:
        n = sum(values[value] for value in left)
        st.caption(escaped(label("table", "left_out", values=", ".join(v[:40] for v in left), n=f"{n:,}")))
    return {value: 1 if value in told[1] else 0 if value in told[0] else None for value in values}
