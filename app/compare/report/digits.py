"""The report's close numbers and how it prints them: 88.7, 88.8, 88.9; 84.996 as 84.9; 89.02."""

from decimal import Decimal

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label, text
from app.kit import figure, theme
from app.kit.formats import NOTHING
from app.kit.pages import script_of
from peft_core.report.quoted import TEST_REVIEWS, Quoted, quoted_rows
from peft_core.report.quoted_differences import quoted_difference
from peft_core.report.reread.printing import printings
from peft_core.statistics.formats import p_value

ROW = 46  # pixels
WIDTHS = {"row": 196, "exact": 74, "printed": 86, "how": 90}  # pixels: on a phone all but the last are on the screen


def draw_ties() -> None:
    """LoRA's three rows with their intervals, and where the differences are tested."""
    rows = [row for row in quoted_rows() if row.method.method == "lora"]
    best, worst = max(rows, key=lambda row: row.correct), min(rows, key=lambda row: row.correct)
    found = quoted_difference(best, worst)
    number, chart = st.columns([2, 5], gap="large", vertical_alignment="center")
    apart = label("report", "apart", first=best.percent, second=worst.percent, of=f"{TEST_REVIEWS:,}")
    number.metric(apart, f"{found.reviews}")
    number.metric(label("report", "p_two"), p_value(found.p), help=label("compare", "p_two_samples_help"))
    frame = pd.DataFrame(
        [{"run": row.label, "share": row.measured.accuracy, "low": row.measured.low, "high": row.measured.high,
          "words": f"{row.label}: {row.percent}%"} for row in rows]
    )  # fmt: skip
    with chart:
        _intervals(frame)
    st.markdown(text("report", "ties_sentence", first=best.percent, second=worst.percent))
    st.caption(label("compare", "quoted_reading"))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            label("report", "to_test"), key="to_test", icon=":material/balance:", on_click=_test, args=(best, worst)
        )
        st.page_link(
            script_of("rank_lab"), label=label("report", "to_lab"), icon=":material/arrow_forward:",
            query_params={"lab": "enough"},
        )  # fmt: skip


def _test(best: Quoted, worst: Quoted) -> None:
    """The part of this page where two rows of the report are tested, with these two chosen."""
    st.session_state["part"], st.session_state["question"] = label("compare", "part_significant"), "quoted"
    st.session_state["report_first"], st.session_state["report_second"] = best.key, worst.key


@figure.kept
def _intervals(frame: pd.DataFrame) -> None:
    scale = alt.Scale(zero=False, nice=True)
    axis = alt.Axis(format=".1~%", tickCount=6, grid=False)
    base = alt.Chart(frame).encode(y=alt.Y("run:N", sort=None, axis=None), tooltip=alt.TooltipValue(None))
    x = alt.X("low:Q", title=label("report", "axis_accuracy"), scale=scale, axis=axis)
    colour, shape = theme.METHOD["lora"].colour, theme.METHOD["lora"].shape
    rule = base.mark_rule(strokeWidth=3, color=colour).encode(x=x, x2=alt.X2("high:Q"))
    mark = base.mark_point(size=150, strokeWidth=2.5, filled=False, color=colour, shape=shape).encode(
        x=alt.X("share:Q", scale=scale)
    )
    names = base.mark_text(align="left", dy=-18, fontSize=14, color=theme.ink()).encode(
        x=alt.XValue(0), text=alt.Text("words:N")
    )
    spoken = "; ".join(f"{row.words} ({row.low:.1%} – {row.high:.1%})" for row in frame.itertuples())
    chart = (rule + mark + names).properties(height=ROW * len(frame) + 50)
    st.altair_chart(
        theme.readable(chart), width="stretch", key="report_ties", alt=label("report", "ties_alt", rows=spoken)
    )


def draw_digits() -> None:
    """The exact best accuracy of each curve, what the table has of it, and what the report names as its sources."""
    known = {found.quoted.key: found for found in printings()}
    names = {name: label("report", f"digits_{name}") for name in ("row", "exact", "printed", "how")}
    rows = []
    for row in quoted_rows():
        found = known.get(row.key)
        exact = percent(found.exact) if found else NOTHING
        how = label("report", f"how_{found.how}" if found else "no_curve")
        rows.append(
            dict(zip(names.values(), (row.label.replace(", Pfeiffer", ""), exact, row.percent, how), strict=True))
        )
    config: dict[str, object] = {
        names[name]: st.column_config.TextColumn(
            width=width, alignment="right" if name in ("exact", "printed") else None
        )
        for name, width in WIDTHS.items()
    }
    spoken = "; ".join(", ".join(row.values()) for row in rows)
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, width="stretch", height="content", key="report_digits",
        column_config=config,
        alt=label("report", "digits_alt", rows=spoken),
    )  # fmt: skip
    told = {}
    for how in ("cut", "rounded"):
        those = [found for found in known.values() if found.how == how]
        told[how] = ", ".join(percent(found.exact) for found in those)
        told[f"as_{how}"] = ", ".join(str(found.printed) for found in those)
    st.markdown(text("report", "digits_sentence", **told))
    st.caption(text("report", "sources", n=f"{TEST_REVIEWS:,}"))


def percent(exact: Decimal) -> str:
    """All digits there are, as in 84.996."""
    return f"{exact.normalize():f}"
