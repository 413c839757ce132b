"""How the report's curves ended: three still rising, and one whose training loss went up again."""

import altair as alt
import pandas as pd
import streamlit as st

from app.compare import shared
from app.content import label, text
from app.kit import figure, theme, url
from app.kit.plain import escaped
from peft_core.report.reread.courses import Course, courses
from peft_core.statistics.formats import points

ROW = 43  # pixels
ORDERS = ("table", "best")


def draw_last() -> None:
    """In which epoch each run was best; those that were best in their last one."""
    order = shared.choose("order", label("report", "order"), ORDERS, "order", "report")
    every = courses()
    rising = [course for course in every if course.best_is_last]
    number, chart = st.columns([2, 5], gap="large", vertical_alignment="center")
    number.metric(label("report", "still_rising"), label("report", "n_of", n=len(rising), of=len(every)))
    for course in rising:
        gain = points(course.last_gain, sign=True)
        number.markdown(label("report", "last_gain", name=escaped(course.quoted.label), gain=gain))
    with chart:
        _best_epochs(sorted(every, key=lambda course: course.best.epoch) if order == "best" else list(every))
    st.markdown(text("report", "last_sentence"))


@figure.kept
def _best_epochs(every: list[Course]) -> None:
    """A line a run, filled where the best epoch is the last one."""
    frame = pd.DataFrame(
        [
            {
                "run": course.quoted.label, "method": course.quoted.method.method, "best": course.best.epoch + 1,
                "end": course.last.epoch + 1, "last": course.best_is_last,
                "words": label("report", "best_in", name=course.quoted.label, share=f"{course.best.accuracy:.1%}"),
            }
            for course in every
        ]
    )  # fmt: skip
    last = int(frame["end"].max())
    x = alt.X(
        "best:Q", title=label("report", "axis_epoch"), scale=alt.Scale(domain=[1, last], nice=False, padding=12),
        axis=alt.Axis(values=list(range(1, last + 1)), format="d"),
    )  # fmt: skip
    base = alt.Chart(frame).encode(y=alt.Y("run:N", sort=None, axis=None), tooltip=alt.TooltipValue(None))
    after = base.mark_rule(strokeWidth=3, color=theme.frozen(), strokeDash=[2, 3]).encode(x=x, x2=alt.X2("end:Q"))
    marks = base.mark_point(size=170, strokeWidth=2.5).encode(x=x, **_looks(frame), fillOpacity=_if_last())
    names = base.mark_text(align="left", dy=-16, fontSize=13, color=theme.ink()).encode(
        x=alt.XValue(0), text=alt.Text("words:N")
    )
    spoken = "; ".join(f"{row.words}: {row.best}" for row in frame.itertuples())
    chart = (after + marks + names).properties(height=ROW * len(frame) + 44)
    st.altair_chart(
        theme.readable(chart), width="stretch", key="report_best_epochs", alt=label("report", "best_alt", rows=spoken)
    )
    st.caption(label("report", "best_legend"))


def _if_last() -> object:
    return alt.condition(alt.datum.last, alt.value(1), alt.value(0))


def _looks(frame: pd.DataFrame) -> dict[str, object]:
    names = list(dict.fromkeys(frame["method"]))
    colours = alt.Scale(domain=names, range=[theme.METHOD[name].colour for name in names])
    shapes = alt.Scale(domain=names, range=[theme.METHOD[name].shape for name in names])
    return {
        "stroke": alt.Stroke("method:N", scale=colours, legend=None),
        "fill": alt.Fill("method:N", scale=colours, legend=None),
        "shape": alt.Shape("method:N", scale=shapes, legend=None),
    }


def draw_rising() -> None:
    """One run's training loss and accuracy after its first epoch; at first the run whose loss rose most."""
    every = {course.quoted.key: course for course in courses()}
    default = max(every, key=lambda key: every[key].loss_rise)
    key = url.pick(
        "risen",
        label("report", "risen"),
        list(every),
        default,
        lambda one: every[one].quoted.label if one in every else one,
    )
    course = every[key]
    left, right = st.columns(2)
    for column, what in ((left, "train_loss"), (right, "accuracy")):
        with column:
            _after_the_first(course, what)
    lowest, last = course.lowest_loss, course.last
    numbers = st.columns(3)
    numbers[0].metric(label("report", "lowest", n=lowest.epoch + 1), f"{lowest.train_loss:.4f}")
    numbers[1].metric(
        label("report", "last_loss"), f"{last.train_loss:.4f}", f"{course.loss_rise:+.0%}", "off", delta_arrow="off"
    )
    numbers[2].metric(
        label("report", "last_accuracy"), f"{last.accuracy:.1%}",
        label("report", "points_to_best", n=points(last.accuracy - course.best.accuracy)), "off",
        delta_arrow="off",
    )  # fmt: skip
    name = "rising_sentence" if course.rises_every_epoch else "rising_not" if lowest == last else "rising_little"
    st.markdown(text("report", name))
    st.caption(text("report", "rising_reading", first=f"{course.epochs[0].train_loss:.3f}"))


@figure.kept
def _after_the_first(course: Course, what: str) -> None:
    """Epochs 2 to 10: beside the first loss the others would be a flat line."""
    frame = pd.DataFrame([{"epoch": e.epoch + 1, "value": getattr(e, what)} for e in course.epochs[1:]])
    colour = theme.METHOD[course.quoted.method.method].colour
    x = alt.X("epoch:Q", title=label("report", "axis_epoch"), axis=alt.Axis(tickMinStep=1, format="d", grid=False))
    form = ".3~f" if what == "train_loss" else ".1%"
    title = label("report", "axis_loss_plain" if what == "train_loss" else "axis_accuracy")
    y = alt.Y("value:Q", title=title, scale=alt.Scale(zero=False), axis=alt.Axis(format=form, tickCount=5))
    line = alt.Chart(frame).mark_line(color=colour, strokeWidth=3, strokeDash=[7, 3])
    dots = alt.Chart(frame).mark_point(color=colour, size=80, strokeWidth=2.5, filled=False)
    spoken = ", ".join(f"{row.epoch}: {row.value:.4f}" for row in frame.itertuples())
    words = label("report", "after_alt", what=title, name=course.quoted.label, rows=spoken)
    chart = (line + dots).encode(x=x, y=y, tooltip=alt.TooltipValue(None)).properties(height=230)
    st.altair_chart(theme.readable(chart), width="stretch", key=f"report_after_{what}", alt=words)
