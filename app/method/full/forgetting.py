"""What did training on reviews cost of what the base model could do before? Measured, and read from its record.

claim → snippets kept, and how far the states have moved → all numbers → one sentence on taking a method off
"""

from collections.abc import Sequence

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label, text
from app.kit import theme
from app.kit.machine.measured_on import measured_on
from app.kit.plain import escaped
from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import method_label
from peft_core.report.forgetting import ForgettingReport, ForgettingRow, load_forgetting
from peft_core.statistics.paired_test import LEVEL, agresti_min_interval

ROW, AXIS = 42, 40  # pixels
PAGE = "method/full"


def draw() -> None:
    """The section."""
    try:
        report = load_forgetting()
    except PeftClassroomError as error:
        st.error(escaped(error))
        return
    st.markdown(text(PAGE, "forgetting", base=report.base, n=report.n, right=_share(report.before.right, report)))
    kept, moved = st.columns([3, 2])
    with kept:
        st.markdown(label(PAGE, "forgetting_kept"))
        _show(_kept(report), report, "forgetting_kept")
    with moved:
        st.markdown(label(PAGE, "forgetting_moved"))
        _show(_moved(report), report, "forgetting_moved")
    st.markdown(verdict(report))
    st.markdown(text(PAGE, "forgetting_off", n=report.n, before=report.before.right, again=report.again.right))
    with st.expander(label("playground", "table")):
        st.markdown(_table(report))
    st.caption(measured_on(report.provenance))


def verdict(report: ForgettingReport) -> str:
    """What the numbers say: which checkpoints have lost more snippets than chance explains, corrected for how many."""
    forgot = [row for row in report.rows if row.lost > row.won and row.p < LEVEL / len(report.rows)]
    smallest, far = min(report.rows, key=lambda row: row.p), max(report.rows, key=lambda row: row.moved)
    near = min(report.rows, key=lambda row: row.moved)
    values = {
        "k": len(report.rows), "n": report.n, "p": f"{smallest.p:.2g}", "smallest": method_label(smallest.method),
        "far": method_label(far.method), "far_moved": f"{far.moved:.2f}", "near": method_label(near.method),
        "near_moved": f"{near.moved:.2f}", "forgot": "; ".join(method_label(row.method) for row in forgot),
    }  # fmt: skip
    return text(PAGE, "forgetting_some" if forgot else "forgetting_none", **values)


def _share(right: int, report: ForgettingReport) -> str:
    return f"{right / report.n:.1%}"


def _frame(report: ForgettingReport) -> pd.DataFrame:
    rows = []
    for row in report.rows:
        low, high = agresti_min_interval(row.won, row.lost, report.n)
        rows.append(
            {
                "who": method_label(row.method), "is": row.method.method, "moved": row.moved,
                "change": 100 * (row.won - row.lost) / report.n, "low": 100 * low, "high": 100 * high,
                "words": label(PAGE, "forgetting_row", who=method_label(row.method), lost=row.lost, won=row.won),
                "distance": f"{method_label(row.method)}  {row.moved:.2f}",
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _kept(report: ForgettingReport) -> alt.LayerChart:
    """Points of accuracy won or lost beside the base model, with the interval of a paired difference."""
    frame = _frame(report)
    x = alt.X("change:Q", title=label(PAGE, "forgetting_axis"), axis=alt.Axis(tickCount=5, grid=False))
    base = alt.Chart(frame).encode(y=_row(report), color=_colour(report.rows), tooltip=alt.TooltipValue(None))
    zero = (
        alt.Chart(pd.DataFrame({"x": [0]})).mark_rule(color=theme.soft_ink(), strokeDash=[5, 4]).encode(x=alt.X("x:Q"))
    )
    spread = base.mark_rule(strokeWidth=3).encode(
        x=alt.X("low:Q", title=label(PAGE, "forgetting_axis")), x2=alt.X2("high:Q")
    )
    points = base.mark_point(filled=True, size=160, opacity=1).encode(x=x, shape=_shape(report.rows))
    return zero + spread + points + _names(frame, report, "words")


def _moved(report: ForgettingReport) -> alt.LayerChart:
    """1 − cosine to the base model's states."""
    frame = _frame(report)
    x = alt.X(
        "moved:Q",
        title=label(PAGE, "forgetting_distance"),
        scale=alt.Scale(domainMin=0),
        axis=alt.Axis(tickCount=4, grid=False),
    )
    base = alt.Chart(frame).encode(y=_row(report), color=_colour(report.rows), tooltip=alt.TooltipValue(None))
    bars = base.mark_bar(size=10).encode(x=x)
    return bars + _names(frame, report, "distance")


def _row(report: ForgettingReport) -> alt.Y:
    return alt.Y("who:N", sort=[method_label(row.method) for row in report.rows], axis=None)


def _names(frame: pd.DataFrame, report: ForgettingReport, field: str) -> alt.Chart:
    base = alt.Chart(frame).mark_text(align="left", dy=-15, fontSize=13, color=theme.ink())
    return base.encode(x=alt.XValue(0), y=_row(report), text=alt.Text(f"{field}:N"))


def _colour(rows: Sequence[ForgettingRow]) -> alt.Color:
    names = list(dict.fromkeys(row.method.method for row in rows))
    colours = [theme.METHOD[name].colour for name in names]
    return alt.Color("is:N", scale=alt.Scale(domain=names, range=colours), legend=None)


def _shape(rows: Sequence[ForgettingRow]) -> alt.Shape:
    names = list(dict.fromkeys(row.method.method for row in rows))
    return alt.Shape(
        "is:N", scale=alt.Scale(domain=names, range=[theme.METHOD[name].shape for name in names]), legend=None
    )


def _show(chart: alt.LayerChart, report: ForgettingReport, key: str) -> None:
    rows = "; ".join(
        label(
            PAGE, "forgetting_said", who=method_label(row.method), lost=row.lost, won=row.won, moved=f"{row.moved:.2f}"
        )
        for row in report.rows
    )
    height = AXIS + ROW * len(report.rows)
    words = label(PAGE, "forgetting_alt", rows=rows)
    st.altair_chart(theme.readable(chart.properties(height=height)), width="stretch", key=key, alt=words)


def _table(report: ForgettingReport) -> str:
    """Every number, as a Markdown table."""
    names = ("checkpoint", "right", "lost", "won", "p", "loss", "moved")
    head = " | ".join(label(PAGE, f"forgetting_column_{name}") for name in names)
    lines = [f"| {head} |", "|:--|" + "--:|" * (len(names) - 1)]
    before = report.before
    lines.append(f"| {report.base} | {_share(before.right, report)} | | | | {before.loss:.3f} | 0 |")
    for row in report.rows:
        after = row.after
        lines.append(
            f"| {method_label(row.method)} | {_share(after.right, report)} | {row.lost} | {row.won} | {row.p:.2g} | "
            f"{after.loss:.3f} | {row.moved:.3f} |"
        )
    return "\n".join(lines)
