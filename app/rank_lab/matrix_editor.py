"""A small matrix of whole numbers to type into: presets, a size, one input a cell. All of it is one word of the URL.

`matrix=2,1/4,2` is the matrix with the rows (2, 1) and (4, 2): short enough to be written into the address bar by hand.
"""

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from app.content import label
from app.kit import url

MAX_ENTRY, SIZES = 9, (2, 3, 4)
PRESETS: dict[str, tuple[tuple[int, ...], ...]] = {
    "rank1": ((2, -1, 3), (4, -2, 6), (-2, 1, -3)),
    "rank2": ((2, 1, 0, 3), (1, -1, 2, 0), (3, 0, 2, 3)),
    "full": ((4, 1, 0, 2), (0, 3, -1, 1), (2, 0, 5, -2), (1, -2, 0, 3)),
    "identity": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
}
DEFAULT = "full"
LINK, ROWS, COLUMNS = "matrix", "matrix_rows", "matrix_columns"  # the URL; the keys of two widgets
REFUSED = "matrix refused"  # session state: what is wrong with the link or the last entry, until the next change
LONGEST = 100  # characters of a link that are looked at

Rows = Sequence[Sequence[int]]


def draw(on_change: Callable[[], None]) -> np.ndarray:
    """The inputs; returns the matrix, of whole numbers, shape (rows, columns). `on_change` runs after each change."""
    if url.to_be_read(ROWS):
        st.session_state[REFUSED] = None
        _put(_of_link())

    def changed() -> None:
        st.session_state[REFUSED] = None
        on_change()

    def choose(name: str) -> None:
        _put(PRESETS[name])
        changed()

    st.caption(label("rank_lab", "presets"))
    with st.container(horizontal=True, key="matrix_presets"):
        for name in PRESETS:
            st.button(label("rank_lab", name), key=f"matrix_{name}", on_click=choose, args=(name,))
    with st.container(horizontal=True, key="matrix_size"):
        for key in (ROWS, COLUMNS):
            st.segmented_control(label("rank_lab", key), SIZES, key=key, required=True, on_change=changed)
    rows, columns = st.session_state[ROWS], st.session_state[COLUMNS]
    with st.container(key="matrix_cells", gap="small"):
        matrix = np.array([_row(i, columns, changed) for i in range(rows)])
    url.remember(LINK, written(matrix), written(PRESETS[DEFAULT]))
    if st.session_state[REFUSED]:
        st.info(st.session_state[REFUSED], icon=":material/info:")
    return matrix


def _row(i: int, columns: int, changed: Callable[[], None]) -> list[int]:
    with st.container(horizontal=True, gap="small"):
        return [_cell(i, j, changed) for j in range(columns)]


def _cell(i: int, j: int, changed: Callable[[], None]) -> int:
    key = _key(i, j)
    st.session_state.setdefault(key, 0)  # the matrix has just grown
    name = label("rank_lab", "cell", row=i + 1, column=j + 1)

    def typed() -> None:
        """Streamlit's own bounds would leave an impossible number red in its box, and go on with the one before it."""
        changed()
        asked = st.session_state[key] or 0  # None: it was emptied
        st.session_state[key] = used = min(max(asked, -MAX_ENTRY), MAX_ENTRY)
        if used != asked:
            st.session_state[REFUSED] = label("count", "clamped", name=name, asked=asked, used=used)

    return st.number_input(name, step=1, key=key, on_change=typed, width=62, label_visibility="collapsed")


def _key(i: int, j: int) -> str:
    return f"matrix_{i + 1}_{j + 1}"


def _put(rows: Rows) -> None:
    """Into the widgets, before they are drawn."""
    st.session_state[ROWS], st.session_state[COLUMNS] = len(rows), len(rows[0])
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            st.session_state[_key(i, j)] = value


def _of_link() -> Rows:
    """The matrix of the link; the default, and a note, where the link asks for what is none."""
    asked = st.query_params.get(LINK)
    if asked is None:
        return PRESETS[DEFAULT]
    try:
        return read(asked)
    except ValueError as error:
        name = str(error)
        st.session_state[REFUSED] = label("rank_lab", name, most=MAX_ENTRY, low=SIZES[0], high=SIZES[-1])
        return PRESETS[DEFAULT]


def read(asked: str) -> Rows:
    """The rows in words like "2,1/4,2".

    Raises:
        ValueError: if it is no such matrix; the message is the name of the label that says why.
    """
    rows = [row.split(",") for row in asked[: LONGEST + 1].split("/")]
    if len(asked) > LONGEST or len({len(row) for row in rows}) > 1:
        raise ValueError("refused_shape")
    if len(rows) not in SIZES or len(rows[0]) not in SIZES:
        raise ValueError("refused_shape")
    found = []
    for row in rows:
        if not all(entry.removeprefix("-").isdecimal() and entry.isascii() for entry in row):
            raise ValueError("refused_entry")
        found.append([int(entry) for entry in row])
    if any(abs(value) > MAX_ENTRY for row in found for value in row):
        raise ValueError("refused_entry")
    return found


def written(matrix: np.ndarray | Rows) -> str:
    """The matrix in one word, as `read` reads it."""
    return "/".join(",".join(str(int(value)) for value in row) for row in matrix)
