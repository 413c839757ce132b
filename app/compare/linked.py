"""One row chosen for the whole page: in a list, in a table or in a chart. It is in the URL as `row`."""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import streamlit as st

from app.kit import url

ROW = "row"
POINT = "point"  # name of the selection in a chart; its field is `row`


def remember(options: Mapping[str, str]) -> str:
    """Before whatever is linked is drawn: the key that is chosen, by the link, by an earlier click, or the first."""
    first = next(iter(options))
    url.from_link(ROW, list(options), first)
    if st.session_state[ROW] not in options:  # another base model had more rows
        st.session_state[ROW] = first
    url.remember(ROW, st.session_state[ROW], default=first)
    return st.session_state[ROW]


def choose(options: Mapping[str, str], title: str) -> str:
    """The same choice as a list, for the keyboard; key → what people read."""
    return st.selectbox(title, list(options), format_func=lambda key: options.get(key, key), key=ROW)


def table(frame: pd.DataFrame, keys: Sequence[str], key: str, words: str, config: Mapping[str, object]) -> None:
    """A table with a line for each of `keys`; the (first) line of the chosen one is marked, another can be clicked."""
    chosen = st.session_state[ROW]
    here = [list(keys).index(chosen)] if chosen in keys else []
    marked = st.session_state.get(key, {}).get("selection", {}).get("rows", [])
    if list(marked) != here:
        st.session_state[key] = {"selection": {"rows": here, "columns": []}}

    def take() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows and rows[0] < len(keys):
            st.session_state[ROW] = keys[rows[0]]

    st.dataframe(
        frame, hide_index=True, width="stretch", height="content", key=key, on_select=take,
        selection_mode="single-row", column_config=dict(config), alt=words,
    )  # fmt: skip


def taken_from_chart(key: str, keys: Sequence[str]) -> Callable[[], None]:
    """What a chart calls when a point of it was clicked."""

    def take() -> None:
        picked = st.session_state[key]["selection"].get(POINT, [])
        if picked and picked[0].get(ROW) in keys:
            st.session_state[ROW] = picked[0][ROW]

    return take
