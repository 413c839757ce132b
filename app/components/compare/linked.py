"""One row chosen for the whole page: in a list, in a table or in a chart. It is in the URL as `row`."""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import streamlit as st

from app.components import url
from app.content import label

ROW = "row"
POINT = "point"  # name of the selection in a chart; its field is `row`


def choose(options: Mapping[str, str]) -> str:
    """The list: key → what people read. Draw it before the table and the chart that are linked to it."""
    first = next(iter(options))
    url.ask(ROW, list(options), first)
    if st.session_state[ROW] not in options:  # another part of the page had more rows
        st.session_state[ROW] = first
    chosen = st.selectbox(
        label("compare", "row"), list(options), format_func=lambda key: options.get(key, key), key=ROW
    )
    url.remember(ROW, chosen, default=first)
    return chosen


def table(frame: pd.DataFrame, keys: Sequence[str], key: str, words: str, config: Mapping[str, object]) -> None:
    """A table with a line for each of `keys`; the chosen one is marked, and another can be clicked."""
    here = [keys.index(st.session_state[ROW])] if st.session_state[ROW] in keys else []
    marked = st.session_state.get(key, {}).get("selection", {}).get("rows", [])
    if list(marked) != here:
        st.session_state[key] = {"selection": {"rows": here, "columns": []}}

    def take() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows and rows[0] < len(keys):
            st.session_state[ROW] = keys[rows[0]]

    st.dataframe(
        frame, hide_index=True, width="stretch", key=key, on_select=take, selection_mode="single-row",
        column_config=dict(config), alt=words,
    )  # fmt: skip


def taken_from_chart(key: str, keys: Sequence[str]) -> Callable[[], None]:
    """What a chart calls when a point of it was clicked."""

    def take() -> None:
        picked = st.session_state[key]["selection"].get(POINT, [])
        if picked and picked[0].get(ROW) in keys:
            st.session_state[ROW] = picked[0][ROW]

    return take
