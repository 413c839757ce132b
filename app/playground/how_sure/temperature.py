"""Temperature scaling: one number makes a checkpoint more or less sure, and changes no verdict."""

import numpy as np
import pandas as pd
import streamlit as st

from app.content import label, text
from app.kit import theme, url
from app.kit.asking.classes import Classes
from app.kit.plain import escaped
from app.playground.how_sure import reliability
from app.playground.how_sure.threshold import Tested
from peft_core.statistics.calibration import expected_calibration_error
from peft_core.statistics.calibration import reliability as in_bins
from peft_core.statistics.temperature import Scaled, at_temperature, fitted_on_half, log_loss

CHECKPOINT, KEY = "scaled", "temperature"  # in the URL
LOW, HIGH, STEP = 0.5, 3.0, 0.01


def draw(tested: list[Tested], classes: Classes) -> None:
    """A checkpoint and a temperature; its diagram before and after; both numbers; every checkpoint's own T."""
    st.markdown(text("many", "temperature", **classes.written))
    by_name = {one.info.name: one for one in tested}
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    with left:
        name = url.pick(CHECKPOINT, label("calibration", "scaled"), list(by_name), next(iter(by_name)),
                        lambda key: by_name[key].title)  # fmt: skip
    one = by_name[name]
    found = _fitted(one.positive, one.labels)
    with right:
        url.clamp(KEY, label("calibration", "temperature"), LOW, HIGH, whole=False)
        start = round(min(max(found.temperature, LOW), HIGH), 2)
        temperature = st.slider(
            label("calibration", "temperature"), LOW, HIGH, start, STEP, key=KEY, bind="query-params", format="%.2f"
        )
    after = at_temperature(found.before, temperature)
    _before_and_after(found, after, one.style, classes)
    changed = int(((found.before > 0.5) != (after > 0.5)).sum())
    perfect = reliability.perfect(found.before)
    told = {"fitted": f"{found.temperature:.2f}", "half": f"{found.fitted:,}", "n": f"{found.n:,}"}
    told |= {"mean": f"{100 * perfect.mean:.1f}", "most": f"{100 * perfect.most:.1f}"}
    st.markdown(
        label(
            "calibration", "temperature_sentence", **told, name=escaped(one.title), changed=changed, **classes.written
        )
    )
    with st.expander(label("calibration", "temperature_table")):
        _table(tested)


@st.cache_data(max_entries=64, show_spinner=False)
def _fitted(positive: np.ndarray, labels: np.ndarray) -> Scaled:
    return fitted_on_half(positive, labels)


def _before_and_after(found: Scaled, after: np.ndarray, style: theme.Style, classes: Classes) -> None:
    """On the half that the temperature was not fitted on: a diagram each, under it ECE and log loss."""
    both = [in_bins(p, found.labels) for p in (found.before, after)]
    largest = max(b.count for bins in both for b in bins)
    ece = [expected_calibration_error(p, found.labels) for p in (found.before, after)]
    loss = [log_loss(p, found.labels) for p in (found.before, after)]
    for place, (column, which) in enumerate(zip(st.columns(2), ("before", "after"), strict=True)):
        with column:
            st.markdown(f"**{label('calibration', f'scaled_{which}')}**")
            st.altair_chart(
                theme.readable(reliability.diagram(both[place], style, largest, classes)),
                width="stretch",
                key=f"temperature_{which}",
                alt=label("calibration", "diagram_alt", name=label("calibration", f"scaled_{which}"),
                          rows="; ".join(reliability.in_words(b, classes) for b in both[place])),
            )  # fmt: skip
            with st.container(horizontal=True, gap="large"):
                st.metric(label("calibration", "column_ece"), f"{100 * ece[place]:.1f}", width="content")
                st.metric(label("calibration", "loss"), f"{loss[place]:.3f}", width="content")


def _table(tested: list[Tested]) -> None:
    """Each checkpoint at the temperature that half of its reviews chose, measured on the other half."""
    rows = []
    for one in tested:
        found = _fitted(one.positive, one.labels)
        row = {
            "checkpoint": one.title,
            "temperature": f"{found.temperature:.2f}",
            "ece": label(
                "calibration", "change", before=f"{100 * found.ece[0]:.1f}", after=f"{100 * found.ece[1]:.1f}"
            ),
            "loss": label("calibration", "change", before=f"{found.loss[0]:.3f}", after=f"{found.loss[1]:.3f}"),
            "changed": label("calibration", "of", n=f"{found.verdicts_changed:,}", total=f"{found.n:,}"),
        }
        rows.append({label("calibration", f"column_{name}"): value for name, value in row.items()})
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", key="temperature_numbers")
