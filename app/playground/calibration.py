"""Is a checkpoint as sure as it should be? Reliability diagrams and thresholds, from stored test predictions."""

import altair as alt
import pandas as pd
import streamlit as st

from app import services
from app.content import label, text
from app.kit import stored_answers, theme, verdicts
from app.kit.plain import escaped
from app.playground import threshold
from app.playground.threshold import Tested
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.errors import PeftClassroomError
from peft_core.statistics.calibration import BINS, Bin, expected_calibration_error, reliability, within

ABOUT = (0.85, 0.95)  # "about 0.9"


def draw(chosen: list[CheckpointInfo]) -> None:
    """The tab: a diagram a checkpoint, the numbers, and what another threshold changes."""
    st.markdown(text("many", "calibration"))
    loaded = services.libraries()
    if not loaded.finished.is_set() or loaded.error:
        st.info(loaded.error or label("calibration", "loading"), icon=":material/hourglass_top:")
        return
    tested = _tested(chosen)
    if not tested:
        return
    _diagrams(tested)
    _numbers(tested)
    st.caption(text("many", "ece", bins=BINS))
    threshold.draw(tested)


# ---------------------------------------------------------------------------------------------------------------------
# What was stored


def _tested(chosen: list[CheckpointInfo]) -> list[Tested]:
    """The checkpoints whose predictions are known; a sentence for each of the others."""
    called = verdicts.titles({info.name: info for info in (*services.checkpoints(), *chosen)}.values())
    found, without = [], []
    for info in chosen:
        title = called[info.name]
        if info.record.test_probabilities is None:
            without.append(info)
        elif info.record.config.data.source != "bundled":
            st.info(label("calibration", "elsewhere", name=escaped(title)), icon=":material/info:")
        else:
            try:
                with st.spinner(label("calibration", "reading")):
                    stored = stored_answers.answers(info)
            except (OSError, PeftClassroomError) as error:
                st.info(f"{escaped(title)}: {escaped(error)}", icon=":material/info:")
                continue
            found.append(Tested(info, title, *stored))
    if without:
        names = ", ".join(escaped(called[info.name]) for info in without)
        st.info(label("calibration", "not_stored", names=names), icon=":material/info:")
        commands = "\n".join(f"python -m peft_core evaluate {info.name} --store" for info in without)
        st.code(commands, language="bash")
    return found


# ---------------------------------------------------------------------------------------------------------------------
# Reliability


def _diagrams(tested: list[Tested]) -> None:
    bins = [reliability(t.positive, t.labels) for t in tested]
    largest = max(b.count for each in bins for b in each)
    columns = st.columns(2)  # also for one: wider, the diagonal would lie flat
    for number, (one, found) in enumerate(zip(tested, bins, strict=True)):
        with columns[number % len(columns)]:
            st.markdown(f"**{escaped(one.title)}**")
            st.altair_chart(
                theme.readable(_diagram(found, one.style, largest)),
                width="stretch",
                key=f"calibration_diagram_{number}",
                alt=label("calibration", "diagram_alt", name=one.title, rows="; ".join(map(_in_words, found))),
            )
            about = within(one.positive, one.labels, *ABOUT)
            if about:
                values = {"n": round(100 * about.observed), "count": f"{about.count:,}"}
                st.markdown(label("calibration", "about", **values))
            else:
                st.markdown(label("calibration", "about_none"))


def _in_words(b: Bin) -> str:
    return label(
        "calibration", "bin", predicted=f"{b.mean_predicted:.0%}", observed=f"{b.observed:.0%}", n=f"{b.count:,}"
    )


def _diagram(bins: tuple[Bin, ...], style: theme.Style, largest: int) -> alt.LayerChart:
    """Observed share against mean prediction; the area of a mark is the number of reviews, the bar its interval."""
    rows = pd.DataFrame([vars(b) for b in bins])
    axis, scale = alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]), alt.Scale(domain=[0, 1])
    x = alt.X("mean_predicted:Q", title=label("calibration", "predicted"), scale=scale, axis=axis)
    y = alt.Y("observed:Q", title=label("calibration", "observed"), scale=scale, axis=axis)
    ends = pd.DataFrame({"mean_predicted": [0, 1], "observed": [0, 1]})
    diagonal = alt.Chart(ends).mark_line(color=theme.frozen(), strokeDash=[5, 4]).encode(x=x, y=y)
    base = alt.Chart(rows).encode(x=x)
    bars = base.mark_rule(color=theme.soft_ink(), strokeWidth=2).encode(
        y=alt.Y("observed_low:Q", scale=scale, title=label("calibration", "observed")), y2="observed_high:Q"
    )
    points = base.mark_point(filled=True, opacity=0.9, color=style.colour, shape=style.shape, stroke=theme.ink())
    size = alt.Size("count:Q", scale=alt.Scale(domain=[0, largest], range=[15, 700]), legend=None)
    names = (("mean_predicted", ".1%"), ("observed", ".1%"), ("count", ","))
    tips = [alt.Tooltip(f"{f}:Q", format=form, title=label("calibration", f"tip_{f}")) for f, form in names]
    return (diagonal + points.encode(y=y, size=size, tooltip=tips) + bars).properties(height=300)


def _numbers(tested: list[Tested]) -> None:
    rows = []
    for t in tested:
        test = t.info.record.test
        row = {
            "checkpoint": t.title,
            "accuracy": f"{test.accuracy:.1%} ({test.low:.1%} – {test.high:.1%})",
            "ece": f"{100 * expected_calibration_error(t.positive, t.labels):.1f}",
            "n": f"{test.n:,}",
        }
        rows.append({label("calibration", f"column_{name}"): value for name, value in row.items()})
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", key="calibration_numbers")
