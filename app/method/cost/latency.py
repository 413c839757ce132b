"""What a prediction costs beside the base model's: measured ratios with their intervals, and multiplications counted.

No sentence says more than its interval: slower, faster, or not told apart; then the multiplications are what is left.
"""

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label, text
from app.kit import figure, theme
from app.kit.formats import share
from app.kit.machine.measured_on import measured_on
from app.kit.plain import escaped
from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import method_label
from peft_core.report.costs.latency import AGAIN, MERGED, Latency, LatencyReport, load_latency
from peft_core.statistics.paired_ratio import PairedRatio

ROW, AXIS = 64, 50  # pixels of a form with its name above it, of the axis


def draw(base: str, forms: tuple[str, ...] = ()) -> None:
    """Claim, figure, a sentence for each of `forms` (none: of all), table, and where it is from."""
    try:
        report = load_latency()
    except PeftClassroomError as error:
        st.error(escaped(error))
        return
    shape = nearest(report, base)
    st.markdown(text("cost", "latency_claim"))
    _chart(report, shape)
    rows = [row for row in report.forms(shape) if row.form != AGAIN]
    for row in rows:
        if not forms or row.form in forms:
            st.markdown(words(report, row))
    st.markdown(table(report, shape))
    other = "" if shape == base else " " + label("quiz", "other_base", base=escaped(base))
    st.caption(f"{control(report, shape)} {measured_on(report.provenance)}{other}")


def nearest(report: LatencyReport, base: str) -> str:
    """The base model itself where it was measured, otherwise the last, which is the largest."""
    return base if base in report.shapes else report.shapes[-1]


def name(row: Latency) -> str:
    """The form as it is called: LoRA comes merged or not."""
    if row.method is None:
        return label("cost", "latency_again")
    return label(
        "cost", "latency_merged" if row.form.endswith(MERGED) else "latency_form", who=method_label(row.method)
    )


def found(report: LatencyReport, row: Latency) -> str:
    """ "**slower**: 1.06× the time (1.05 to 1.07)", by what the interval says."""
    ratio = report.against_base(row)
    return label("cost", f"latency_{ratio.verdict}", **_written(ratio))


def words(report: LatencyReport, row: Latency) -> str:
    """The form at the smallest batch and, beside it, its multiplications."""
    return text("cost", "latency_words", who=name(row), found=found(report, row), more=_more(report, row))


def control(report: LatencyReport, shape: str) -> str:
    """What the base model differs by from itself, and of what the measurement was."""
    again = next((row for row in report.forms(shape) if row.form == AGAIN), None)
    row = again or report.forms(shape)[0]
    said = text("cost", "latency_control", found=found(report, again)) if again else ""
    return f"{text('cost', 'latency_work', width=row.width, shape=shape)} {said}"


def table(report: LatencyReport, shape: str) -> str:
    """Every form at every batch, as Markdown."""
    batches = [label("cost", "latency_one") if b == 1 else label("cost", "latency_many", n=b) for b in report.batches]
    head = [label("cost", "latency_forms"), *batches, label("cost", "latency_multiplications")]
    lines = [" | ".join(head), ":--|" + "--:|" * (len(head) - 1)]
    for row in report.forms(shape):
        at = [report.row(shape, row.form, batch) for batch in report.batches]
        cells = [label("cost", "latency_ratio", **_written(report.against_base(it))) if it else "–" for it in at]
        lines.append(" | ".join([name(row), *cells, f"+{share(report.more(row))}"]))
    return "\n".join(f"| {line.removesuffix('|')} |" for line in lines)


def _written(ratio: PairedRatio) -> dict[str, str]:
    """Three decimals: what is measured here are hundredths."""
    return {key: f"{getattr(ratio, key):.3f}" for key in ("ratio", "low", "high")}


def _more(report: LatencyReport, row: Latency) -> str:
    more = report.more(row)
    return label("cost", "latency_more", share=share(more)) if more else label("cost", "latency_none")


@figure.kept
def _chart(report: LatencyReport, shape: str) -> None:
    """A line of each form, batch by batch: filled is one review, hollow are many; the base model is the rule at 1."""
    rows, spoken = [], []
    for row in report.forms(shape):
        for place, batch in enumerate(report.batches):
            if (at := report.row(shape, row.form, batch)) is None:
                continue
            ratio = report.against_base(at)
            what = label("cost", "latency_one") if batch == 1 else label("cost", "latency_many", n=batch)
            rows.append(
                {
                    "who": name(row), "is": row.method.method if row.method else "", "batch": what, "place": place,
                    "ratio": ratio.ratio, "low": ratio.low, "high": ratio.high,
                    "words": f"{what}: {ratio.ratio:.3f}×",
                }
            )  # fmt: skip
            spoken.append(f"{name(row)}, {what}: {label('cost', 'latency_ratio', **_written(ratio))}")
    frame = pd.DataFrame(rows)
    order = list(dict.fromkeys(frame["who"]))
    methods = {key: theme.METHOD[key] for key in dict.fromkeys(frame["is"]) if key}
    domain = ["", *methods]
    colour = alt.Color(
        "is:N",
        scale=alt.Scale(domain=domain, range=[theme.frozen(), *(style.colour for style in methods.values())]),
        legend=None,
    )
    shape_of = alt.Shape(
        "is:N",
        scale=alt.Scale(domain=domain, range=["circle", *(style.shape for style in methods.values())]),
        legend=None,
    )
    reach = max(frame["high"].max() - 1, 1 - frame["low"].min(), 0.01)
    scale = alt.Scale(domain=[min(1 - 0.35 * reach, frame["low"].min()), 1 + 1.9 * reach], nice=True)
    x = alt.X("low:Q", title=label("cost", "latency_axis"), scale=scale, axis=alt.Axis(tickCount=5, grid=False))
    y = alt.Y("who:N", sort=order, axis=None, scale=alt.Scale(paddingInner=0.5, paddingOuter=0.3))  # names in the gaps
    base = alt.Chart(frame).encode(y=y, yOffset=alt.YOffset("place:O"), color=colour, tooltip=alt.TooltipValue(None))
    one = alt.Chart(pd.DataFrame({"x": [1.0]})).mark_rule(strokeDash=[5, 4], color=theme.ink())
    points = base.encode(x=alt.X("ratio:Q", scale=scale), shape=shape_of)
    layers = [
        one.encode(x=alt.X("x:Q", scale=scale)),
        base.mark_rule(strokeWidth=3).encode(x=x, x2=alt.X2("high:Q")),
        points.transform_filter("datum.place == 0").mark_point(filled=True, size=150, opacity=1),
        points.transform_filter("datum.place > 0").mark_point(
            filled=False, size=150, opacity=1, strokeWidth=2.5, fill=theme.ground()
        ),
        base.mark_text(align="left", dx=12, fontSize=13)
        .encode(x=alt.X("high:Q", scale=scale), text=alt.Text("words:N"), color=alt.ColorValue(theme.ink())),
    ]  # fmt: skip
    names = (
        alt.Chart(frame)
        .transform_filter("datum.place == 0")
        .mark_text(align="left", dy=-ROW / 2 + 4, fontSize=14, fontWeight="bold", color=theme.ink())
    )
    layers.append(names.encode(x=alt.XValue(0), y=y, text=alt.Text("who:N")))
    chart = alt.layer(*layers).properties(height=AXIS + ROW * len(order))
    spoken_all = label("cost", "latency_alt", rows="; ".join(spoken))
    st.altair_chart(theme.readable(chart), width="stretch", key="latency", alt=spoken_all)
