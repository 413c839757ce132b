"""Loss and validation accuracy of several runs, in their methods' colours; dashes tell runs of one method apart."""

from collections import Counter

import altair as alt
import pandas as pd
import streamlit as st

from app.compare.curves.runs import Curve
from app.content import label
from app.kit import figure, theme
from app.kit.drawn.training_curves import MAX_POINTS, SMOOTHING

HEIGHT, LEGEND_LINE = 330, 24  # pixels
SHORT = 14  # letters
DASHES = ([1, 0], [7, 3], [2, 3], [10, 3, 2, 3])


def draw(found: list[Curve], along: str) -> None:
    """Accuracy first: every run has it. Loss beside it where a run has stored its steps."""
    with_loss = [one for one in found if not one.loss.empty]
    columns = st.columns(2) if with_loss else [st.container()]
    with columns[0]:
        _accuracy(found, along)
    if with_loss:
        with columns[1]:
            _loss(with_loss, found, along)


@figure.kept
def _accuracy(found: list[Curve], along: str) -> None:
    frame = pd.concat([one.accuracy.assign(run=one.title) for one in found], ignore_index=True)
    frame = frame.dropna(subset=[along])
    scale = alt.Scale(zero=False, nice=True)
    y = alt.Y("accuracy:Q", title=label("train", "accuracy"), scale=scale, axis=alt.Axis(format=".1~%", tickCount=6))
    base = alt.Chart(frame).encode(x=_x(along), **_looks(found))
    line = base.mark_line(strokeWidth=2.5).encode(y=y)
    spread = base.mark_rule(strokeWidth=1.5, opacity=0.6).encode(y=alt.Y("low:Q", scale=scale), y2=alt.Y2("high:Q"))
    spread = spread.encode(strokeDash=alt.StrokeDashValue([1, 0]))
    points = base.mark_point(filled=True, size=110, opacity=1).encode(y=y, shape=_shape(found))
    spoken = "; ".join(_in_words(one, along) for one in found)
    words = label("compare", "accuracy_alt", along=label("compare", f"along_{along}"), rows=spoken)
    _show(spread + line + points, "compare_accuracy", words, -(-len(found) // _columns(found)))


@figure.kept
def _loss(with_loss: list[Curve], found: list[Curve], along: str) -> None:
    """Smoothed: the raw losses of several runs would hide one another."""
    parts = []
    for one in with_loss:
        smooth = one.loss.assign(run=one.title, loss=one.loss["loss"].ewm(alpha=SMOOTHING).mean())
        parts.append(smooth.iloc[:: max(1, len(smooth) // MAX_POINTS)])
    frame = pd.concat(parts, ignore_index=True)
    scale = alt.Scale(zero=False)
    y = alt.Y("loss:Q", title=label("compare", "loss_smoothed"), scale=scale)
    line = alt.Chart(frame).mark_line(strokeWidth=2.5).encode(x=_x(along), y=y, **_looks(found))
    spoken = "; ".join(
        f"{part['run'].iloc[0]}: {part['loss'].iloc[0]:.3f} → {part['loss'].iloc[-1]:.3f}" for part in parts
    )
    words = label("compare", "loss_alt", along=label("compare", f"along_{along}"), rows=spoken)
    _show(line, "compare_loss", words, -(-len(found) // _columns(found)))


def _x(along: str) -> alt.X:
    return alt.X(f"{along}:Q", title=label("compare", f"along_{along}"), axis=alt.Axis(grid=False, tickCount=6))


def dashes(found: list[Curve]) -> list[list[int]]:
    """Solid for the first run of a method, another pattern for each further one."""
    seen: Counter[str] = Counter()
    patterns = []
    for one in found:
        patterns.append(DASHES[seen[one.method] % len(DASHES)])
        seen[one.method] += 1
    return patterns


def _looks(found: list[Curve]) -> dict[str, object]:
    """Colour and dash. Where two runs of one method differ in their dash only, it is in the legend, else the marker."""
    names, patterns = [one.title for one in found], dashes(found)
    colours = alt.Scale(domain=names, range=[one.style.colour for one in found])
    dashed = any(pattern != DASHES[0] for pattern in patterns)
    return {
        "color": alt.Color("run:N", scale=colours, legend=_legend(found)),
        "strokeDash": alt.StrokeDash(
            "run:N", scale=alt.Scale(domain=names, range=patterns), legend=_legend(found) if dashed else None
        ),
        "tooltip": alt.value(None),
    }


def _shape(found: list[Curve]) -> alt.Shape:
    names = [one.title for one in found]
    scale = alt.Scale(domain=names, range=[one.style.shape for one in found])
    dashed = any(pattern != DASHES[0] for pattern in dashes(found))
    return alt.Shape("run:N", scale=scale, legend=None if dashed else _legend(found))


def _columns(found: list[Curve]) -> int:
    """Columns of the legend: three short names fit on a phone's line."""
    return 3 if all(len(one.title) <= SHORT for one in found) else 1


def _legend(found: list[Curve]) -> alt.Legend:
    dashed = any(pattern != DASHES[0] for pattern in dashes(found))
    more = {"symbolType": "stroke", "symbolSize": 700} if dashed else {"symbolSize": 150}
    return alt.Legend(
        orient="bottom", title=None, columns=_columns(found), labelLimit=420, labelFontSize=13, symbolStrokeWidth=2.5,
        labelColor=theme.ink(), **more,
    )  # fmt: skip


def _in_words(one: Curve, along: str) -> str:
    told = [f"{row.accuracy:.1%} ({getattr(row, along):,.3g})" for row in one.accuracy.itertuples()]
    return f"{one.title}: {', '.join(told)}"


def _show(chart: alt.TopLevelMixin, key: str, words: str, lines: int) -> None:
    """The height is that of the curves and of a line of the legend for each of its `lines`."""
    height = HEIGHT + LEGEND_LINE * lines
    st.altair_chart(theme.readable(chart.properties(height=height)), width="stretch", key=key, alt=words)
