"""Forms of the charts of Inside: made once for a run and a place, filled with each moment's numbers."""

from functools import lru_cache

import altair as alt

from app.content import label
from app.kit import figure, theme

ROWS = "rows"  # name of the data
HEIGHT = 170
FEW_WORDS = 24  # have their names at the axis, each
AWAKE = 0.05  # of the largest σ of all moments: from there on a term is called awake


def dark() -> bool:
    """Which of the theme's colours a form has."""
    return theme.is_dark()


def _colour(limit: float) -> alt.Color:
    """Orange, pale, blue over all moments; pale is exactly 0."""
    colours = [theme.NEGATIVE.colour, "#2A313B" if theme.is_dark() else "#F1F2F4", theme.POSITIVE.colour]
    scale = alt.Scale(domain=[-limit, 0, limit], range=colours, interpolate="rgb")
    return alt.Color("value:Q", scale=scale, legend=None)


@lru_cache(maxsize=64)
def image(limit: float, rows: int, columns: int, dark: bool) -> str:
    """A cell for each block of a matrix."""
    scales = {"x": ("column", columns), "y": ("row", rows)}
    x, y = (
        getattr(alt, axis.upper())(
            f"{name}:O", axis=None, scale=alt.Scale(domain=list(range(size)), paddingInner=0, paddingOuter=0)
        )
        for axis, (name, size) in scales.items()
    )
    tips = [alt.Tooltip("value:Q", title=label("steps", "value"), format="+.4g")]
    chart = alt.Chart(alt.NamedData(ROWS)).mark_rect().encode(x=x, y=y, color=_colour(limit), tooltip=tips)
    return figure.form(theme.readable(chart.properties(height=HEIGHT)).configure_view(stroke=theme.frozen()))


@lru_cache(maxsize=64)
def sigmas(highest: float, terms: int, method: str, dark: bool) -> str:
    """A bar for each singular value, in front of an outline of the last moment's."""
    x = alt.X("k:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True))
    y = alt.Y("now:Q", title=None, scale=alt.Scale(domain=[0, highest]), axis=alt.Axis(tickCount=4, format=".3~g"))
    tips = [
        alt.Tooltip("k:O", title=label("inside", "term")),
        alt.Tooltip("now:Q", title=label("inside", "sigma"), format=".4g"),
        alt.Tooltip("end:Q", title=label("inside", "sigma_end"), format=".4g"),
    ]
    base = alt.Chart(alt.NamedData(ROWS)).encode(x=x, tooltip=tips)
    bars = base.mark_bar(color=theme.METHOD[method].colour).encode(y=y)
    end = base.mark_bar(fillOpacity=0, stroke=theme.soft_ink(), strokeWidth=1.2).encode(y=alt.Y("end:Q", title=None))
    return figure.form(theme.readable((bars + end).properties(height=HEIGHT)))


@lru_cache(maxsize=64)
def units(limit: float, names: tuple[str, ...], words: int, dark: bool) -> str:
    """A row a unit, a column a word."""
    axis = alt.Axis(title=None, labelAngle=-45, labelLimit=80, labelOverlap=words > FEW_WORDS)
    chart = (
        alt.Chart(alt.NamedData(ROWS))
        .mark_rect()
        .encode(
            x=alt.X("token:N", sort=None, axis=axis),
            y=alt.Y(
                "unit:N", sort=list(names), axis=alt.Axis(title=None, ticks=False, domain=False, labelOverlap=False)
            ),
            color=_colour(limit),
            tooltip=[
                alt.Tooltip("unit:N", title=label("inside", "unit_name")),
                alt.Tooltip("token:N", title=label("steps", "token")),
                alt.Tooltip("value:Q", title=label("inside", "answer"), format="+.4g"),
            ],
        )
    )
    return figure.form(theme.readable(chart.properties(height=max(15 * len(names), 100) + 70)))


@lru_cache(maxsize=64)
def vector(limit: float, size: int, method: str, dark: bool) -> str:
    """A mark from 0 to the change of each number."""
    x = alt.X(
        "number:Q", title=label("inside", "number"), scale=alt.Scale(domain=[1, size], nice=False),
        axis=alt.Axis(grid=False, format="d"),
    )  # fmt: skip
    y = alt.Y(
        "change:Q", title=label("inside", "change"), scale=alt.Scale(domain=[-limit, limit]),
        axis=alt.Axis(tickCount=5, format="+.3~g"),
    )  # fmt: skip
    tips = [
        alt.Tooltip("number:Q", title=label("inside", "number")),
        alt.Tooltip("change:Q", title=label("inside", "change"), format="+.4g"),
    ]
    base = alt.Chart(alt.NamedData(ROWS)).encode(x=x, tooltip=tips)
    marks = base.mark_bar(color=theme.METHOD[method].colour, width=2).encode(y=y)
    return figure.form(theme.readable(marks.properties(height=HEIGHT)))
