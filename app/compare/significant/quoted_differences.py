"""The report's own differences: what its 25,000 test reviews can tell apart, and what they cannot."""

import streamlit as st

from app import services
from app.compare.significant import quoted_charts
from app.content import label, text
from app.kit import url
from app.kit.plain import escaped
from peft_core.report.quoted import TEST_REVIEWS, Quoted, quoted_rows
from peft_core.report.quoted_differences import QuotedDifference, quoted_difference, quoted_differences
from peft_core.statistics.formats import p_value

KEYS = ("report_first", "report_second")


def draw() -> None:
    """All close pairs at once; then any two rows of the table, and the paired test that nobody can make."""
    st.markdown(text("compare", "quoted_differences", n=f"{TEST_REVIEWS:,}"))
    runs = [info.record for info in services.checkpoints()]
    quoted_charts.intervals({words(found): found for found in quoted_differences(runs)})
    st.caption(label("compare", "quoted_reading"))
    one, other = _choose()
    if one.key == other.key:
        st.info(label("compare", "same_row_twice"), icon=":material/info:")
        return
    found = quoted_difference(one, other, runs)
    left, right = st.columns([3, 5], gap="large", vertical_alignment="center")
    left.metric(label("compare", "p_two_samples"), p_value(found.p), help=label("compare", "p_two_samples_help"))
    with left:
        disagreements = _disagreements(found)
    left.metric(label("compare", "p_if_paired"), p_value(found.paired_p(disagreements)))
    with right:
        quoted_charts.paired(found, disagreements)
    st.markdown(f"**{label('compare', 'careful')}** {escaped(found.sentence)}")


def words(found: QuotedDifference) -> str:
    """The pair as text, as in "LoRA r=8, own code 88.9 and LoRA r=1, library 88.8"."""
    first, second = found.first, found.second
    return label(
        "compare", "quoted_pair", first=first.label, first_percent=first.percent, second=second.label,
        second_percent=second.percent,
    )  # fmt: skip


def _choose() -> tuple[Quoted, Quoted]:
    """Two rows, in the URL by their keys; at first the closest pair that the report could be asked about."""
    rows = {row.key: row for row in quoted_rows()}
    near = quoted_differences()[-1]
    defaults = (near.first.key, near.second.key)
    chosen = []
    for key, default, column in zip(KEYS, defaults, st.columns(2), strict=True):
        url.from_link(key, list(rows), default)
        name = column.selectbox(
            label("compare", key), list(rows), key=key,
            format_func=lambda name: f"{rows[name].label}, {rows[name].percent}%" if name in rows else name,
        )  # fmt: skip
        url.remember(key, name, default=default)
        chosen.append(rows[name])
    return chosen[0], chosen[1]


def _disagreements(found: QuotedDifference) -> int:
    """On how many reviews the two might have disagreed: nobody knows, so the class may try. At first as two of ours."""
    low, high = found.fewest_disagreements, found.most_disagreements
    key, name = "disagreeing", label("compare", "disagreeing")
    if low == high:  # as many right: then they might agree on all
        return low
    url.clamp(key, name, low, high)
    if key in st.session_state:  # another pair of rows has other bounds
        st.session_state[key] = min(max(st.session_state[key], low), high)
    start = found.as_ours if found.as_ours is not None else min(max(found.most_significant or low, low), high)
    return st.slider(name, low, high, start, key=key, bind="query-params")
