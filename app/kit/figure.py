"""Charts whose form stays while a slider moves: Altair makes the form once, a rerun fills in what has changed.

Making one in Altair and checking it against the schema of Vega-Lite takes 50 to 100 ms, more than all the rest of a
page, and Streamlit lets one session at a time do it. So what moves with a slider is data or a Vega parameter. A chart
whose data are those of the run before is not made again at all: `kept`.
"""

import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec

import altair as alt
import pandas as pd
import streamlit as st

from app.kit import present, theme

MOST_KEPT = 300  # drawings, of all sessions
P = ParamSpec("P")

# Altair's own theme has a default size; Streamlit switches it off around each chart, for all threads. So: off for good.
alt.theme.enable("none")


def form(chart: alt.TopLevelMixin) -> str:
    """A chart over named data (`alt.NamedData`), checked, as JSON: to be cached by the caller."""
    return json.dumps(type(chart).to_dict(chart, validate=theme.CHECKED_AGAIN))  # whole, whoever asks first


def filled(
    form: str, data: Mapping[str, pd.DataFrame], parameters: Mapping[str, Mapping[str, Any]], **top: Any
) -> dict[str, Any]:
    """The specification of one drawing.

    Args:
        form: from `form`.
        data: the rows of each named data set.
        parameters: for a Vega parameter of the form, by name, what is put over its definition ("value", "expr").
        top: what is put over the outermost properties of the form, "height" for example.
    """
    spec = json.loads(form)
    known = spec.get("params", [])
    unknown = set(parameters) - {p["name"] for p in known}
    assert not unknown, f"the form has no parameters {unknown}"
    spec["params"] = [p | parameters.get(p["name"], {}) for p in known]
    return present.lowered(spec | {"datasets": dict(data)} | top)


def draw(spec: dict[str, Any], key: str, words: str) -> None:
    """Put a filled specification on the page; `words` is what a screen reader says."""
    st.vega_lite_chart(spec, width="stretch", key=key, alt=words)


def kept(draw: Callable[P, None]) -> Callable[P, None]:
    """A function that draws: what it has put on a page for the same arguments and ground is put there again as it was.

    For what is only looked at: no widgets, no charts that are clicked. Arguments are told apart by their content.
    """

    @wraps(draw)
    def drawn(*given: P.args, **named: P.kwargs) -> None:
        if theme.CHECKED_AGAIN:
            draw(*given, **named)
        else:
            _replayed(
                f"{draw.__module__}.{draw.__qualname__}", (theme.is_dark(), present.highest()), draw, given, named
            )

    return drawn


@st.cache_data(show_spinner=False, max_entries=MOST_KEPT)
def _replayed(name: str, ground: tuple, _draw: Callable[..., None], given: tuple, named: dict) -> None:
    """`name` and `ground` are for the cache; Streamlit itself notes what is drawn meanwhile, and draws it again."""
    _draw(*given, **named)
