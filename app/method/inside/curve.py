"""Where in the run a moment is: its validations with their intervals, a tick for each moment, a line at this one.

filled point    a validation of the run          ring       the accuracy that is told
hollow point    asked later, of the snapshot     ticks      the moments that were kept
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import altair as alt
import pandas as pd

from app.content import label
from app.kit import figure, theme
from app.kit.drawn.training_curves import accuracies, around, step_axis
from peft_core.checkpoints.record import Measured
from peft_core.statistics.intervals import Accuracy
from peft_core.training.snapshots.moments import Moment

HEIGHT = 104
COLUMNS = ["step", "accuracy", "low", "high"]


def draw(moments: Sequence[Moment], later: Mapping[int, Accuracy], shown: Moment, told: tuple[int, Accuracy]) -> None:
    """All that was measured, and where this moment is.

    Args:
        later: by step, what was asked later.
        told: step and accuracy that stand beside the chart.
    """
    measured = {moment.measured_at: moment.measured for moment in moments}
    rows, between = _rows(measured), _rows(later)
    domain = [0, max(1, moments[-1].planned_steps)]
    ends = tuple(round(end, 4) for end in around(pd.concat([rows, between]) if len(between) else rows))
    noise = rows.head(1).assign(first=domain[0], last=domain[1])
    ticks = pd.DataFrame({"step": [moment.step for moment in moments]})
    at, accuracy = told
    here = pd.DataFrame({"step": [shown.step]})
    ring = pd.DataFrame({"step": [at], "accuracy": [accuracy.accuracy]})
    method = shown.config.method.method
    data = {"rows": rows, "noise": noise, "later": between, "ticks": ticks, "here": here, "ring": ring}
    words = label(
        "inside", "curve_alt", step=shown.step, steps=domain[1], moments=len(moments),
        rows="; ".join(f"{step}: {one.accuracy:.1%}" for step, one in sorted({**measured, **later}.items())),
    )  # fmt: skip
    figure.draw(figure.filled(_form(domain[1], ends, method, theme.is_dark()), data, {}), "inside_curve", words)


def _rows(measured: Mapping[int, Measured | Accuracy]) -> pd.DataFrame:
    return pd.DataFrame(
        [(step, one.accuracy, one.low, one.high) for step, one in sorted(measured.items())], columns=COLUMNS
    )


@lru_cache(maxsize=64)
def _form(last: int, ends: tuple[float, float], method: str, dark: bool) -> str:
    colour, scale = theme.METHOD[method].colour, alt.Scale(domain=list(ends), nice=False)
    x = step_axis([0, last]).title(None)
    y = alt.Y("accuracy:Q", title=None, scale=scale, axis=alt.Axis(format=".1~%", tickCount=3))
    curve = accuracies(alt.NamedData("rows"), alt.NamedData("noise"), x, y, scale, colour)
    asked = alt.Chart(alt.NamedData("later")).encode(x=x)
    rules = asked.mark_rule(color=colour, strokeWidth=1, strokeDash=[2, 2]).encode(
        y=alt.Y("low:Q", scale=scale), y2=alt.Y2("high:Q")
    )
    points = asked.mark_point(color=colour, fill=theme.ground(), size=60, opacity=1).encode(
        y=y, tooltip=[alt.Tooltip("step:Q"), alt.Tooltip("accuracy:Q", format=".1%")]
    )  # fmt: skip
    kept = alt.Chart(alt.NamedData("ticks")).mark_tick(
        orient="vertical", color=theme.soft_ink(), size=9, thickness=2, yOffset=-5
    )
    kept = kept.encode(x=x, y=alt.YValue("height"))
    here = alt.Chart(alt.NamedData("here")).mark_rule(color=theme.ink(), strokeWidth=2).encode(x=x)
    ring = alt.Chart(alt.NamedData("ring")).mark_point(
        color=theme.ink(), filled=False, size=190, strokeWidth=2.5, opacity=1
    )
    layers = alt.layer(curve, rules, points, kept, here, ring.encode(x=x, y=y))
    return figure.form(theme.readable(layers.properties(height=HEIGHT)))
