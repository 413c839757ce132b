"""How far from the base model an adapter starts: measured, against the spread of its first numbers."""

from collections.abc import Sequence
from statistics import median

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label, text
from app.kit import figure, theme
from app.kit.machine.measured_on import measured_on
from app.kit.plain import escaped
from app.method.adapter.parts import INITS
from peft_core.errors import PeftClassroomError
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.report.costs.measured import StartWidth, StepZeroReport, load_step_zero
from peft_core.t5.architecture import BaseModel

HEIGHT = 260  # pixels


def draw(base: BaseModel, config: AdapterConfig) -> None:
    """What this page's start does, the curve, the table of all starts."""
    st.markdown(text("method/adapter", f"start_{config.adapter_init}"))
    try:
        report = load_step_zero()
    except PeftClassroomError as error:
        st.error(escaped(error))
        return
    if report.adapter_widths:
        _chart(report.adapter_widths)
        few = report.adapter_widths[0]
        st.caption(text("method/adapter", "start_curve", n=few.n, seeds=len(few.mean_changes)))
    st.markdown(table(report, config.adapter_init))
    st.markdown(text("method/adapter", "start_finding"))
    st.caption(measured_on(report.provenance))


def table(report: StepZeroReport, chosen: str) -> str:
    """Each start that was measured: how far the probabilities move, and how many verdicts turn."""
    head = [label("method/adapter", f"column_{name}") for name in ("start", "moves", "turns")]
    lines = [" | ".join(head), ":--|--:|--:"]
    for init in INITS:
        if row := report.row(AdapterConfig(adapter_init=init)):
            name = f"`{init}`: {label('count', f'init_{init}')}"
            turned = label("method/adapter", "of", k=row.changed_verdicts, n=report.n)
            cells = [f"**{name}**" if init == chosen else name, points(row.mean_change), turned]
            lines.append(" | ".join(cells))
    return "\n".join(f"| {line} |" for line in lines)


def points(change: float) -> str:
    """A change of a probability in percentage points; exactly none is written so."""
    return (
        label("method/adapter", "points", points=f"{100 * change:.2g}") if change else label("method/adapter", "none")
    )


@figure.kept
def _chart(widths: Sequence[StartWidth]) -> None:
    """Both axes logarithmic: ten times the spread, a hundred times the change, as long as it is small."""
    rows = pd.DataFrame(
        [
            {
                "sigma": width.sigma, "middle": 100 * median(width.mean_changes), "low": 100 * min(width.mean_changes),
                "high": 100 * max(width.mean_changes), "words": points(median(width.mean_changes)),
            }
            for width in widths
        ]
    )  # fmt: skip
    low, high = rows["sigma"].min(), rows["sigma"].max()
    scale = alt.Scale(type="log", nice=False, domain=[low / 2, high * 1.1])  # the words of the first point need room
    x = alt.X(
        "sigma:Q", title=label("method/adapter", "sigma"), scale=scale,
        axis=alt.Axis(values=list(rows["sigma"]), format="~g", grid=False),
    )  # fmt: skip
    y = alt.Y(
        "middle:Q", title=label("method/adapter", "moves"), scale=alt.Scale(type="log"),
        axis=alt.Axis(values=[10.0**power for power in range(-6, 3)], format="~g"),
    )  # fmt: skip
    colour = theme.METHOD["adapter"].colour
    base = alt.Chart(rows).encode(x=x, tooltip=alt.TooltipValue(None))
    layers = [
        base.mark_line(color=colour, strokeWidth=2).encode(y=y),
        base.mark_rule(color=colour, strokeWidth=2).encode(
            y=alt.Y("low:Q", scale=alt.Scale(type="log")), y2=alt.Y2("high:Q")
        ),
        base.mark_point(shape=theme.METHOD["adapter"].shape, filled=True, size=140, opacity=1, color=colour).encode(
            y=y
        ),
        base.mark_text(dy=-16, align="right", fontSize=13, color=theme.ink()).encode(y=y, text=alt.Text("words:N")),
    ]
    spoken = "; ".join(f"σ = {sigma:g}: {words}" for sigma, words in zip(rows["sigma"], rows["words"], strict=True))
    st.altair_chart(
        theme.readable(alt.layer(*layers).properties(height=HEIGHT)), width="stretch", key="adapter_starts",
        alt=label("method/adapter", "start_alt", rows=spoken),
    )  # fmt: skip
