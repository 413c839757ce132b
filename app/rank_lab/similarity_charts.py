"""Heat-maps of φ(i, j): all directions above, the first eight of each below, random subspaces beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import figure, theme
from app.rank_lab import data
from peft_core.analysis.spectra.similarity import Simulated, expected_by_chance
from peft_core.t5.names import Place

ROWS = "rows"  # name of the data
ZOOM = 8
LOW, HIGH, ROW, AXES = 110, 300, 9, 80  # pixels: heights of a map of all directions, of its rows, of what is around it
ZOOMED = 250


@dataclass(frozen=True, eq=False)
class Compared:
    """φ(i, j) of one weight matrix in two runs, entry [i − 1, j − 1]; their directions have `dimension` numbers."""

    name: Place
    dimension: int
    phi: np.ndarray


def maps(compared: Sequence[Compared], chance: Simulated, titles: Sequence[str], what: str) -> None:
    """A column a weight matrix and one for chance; hovering a cell shows its formula with its numbers.

    Args:
        titles: of the two runs.
        what: of which matrices the directions are, the name of a label.
    """
    columns = st.columns(len(compared) + 1)
    expected = expected_by_chance(compared[0].dimension, *chance.mean.shape)
    for column, one in zip(columns, compared, strict=False):
        with column:
            st.markdown(label("rank_lab", "map_title", what=label("rank_lab", f"short_{what}"), module=one.name.module))
            name = label("rank_lab", "map_name", matrix=data.in_words(one.name), first=titles[0], second=titles[1])
            _both(one.phi, _by_chance(expected, chance), f"phi_{one.name.module}", name, titles)
    with columns[-1]:
        st.markdown(label("rank_lab", "chance_title"))
        name = label("rank_lab", "chance_name", d=compared[0].dimension)
        _both(chance.mean, _by_chance(expected, chance), "phi_chance", name, titles)
    legend = label("rank_lab", "map_legend_dark" if theme.is_dark() else "map_legend")
    above = label("rank_lab", "map_zoom") if max(chance.mean.shape) > ZOOM else ""
    st.caption(f"{legend} {above}")


def _by_chance(expected: np.ndarray, chance: Simulated) -> dict[str, np.ndarray]:
    return {"expected": expected, "mean": chance.mean, "low": chance.low, "high": chance.high}


def _both(phi: np.ndarray, chance: dict[str, np.ndarray], key: str, name: str, titles: Sequence[str]) -> None:
    """All directions, and, where that is less, the first ZOOM of each."""
    i, j = (grid.ravel() + 1 for grid in np.indices(phi.shape))
    small = {name: values.ravel().astype(np.float32) for name, values in chance.items()}
    rows = pd.DataFrame({"i": i.astype(np.int16), "j": j.astype(np.int16), "phi": phi.ravel(), **small})
    zoomed = rows[(rows["i"] <= ZOOM) & (rows["j"] <= ZOOM)]
    axes = tuple(titles)
    if len(zoomed) < len(rows):
        height = min(max(LOW, ROW * phi.shape[0]), HIGH) + AXES
        spec = figure.filled(_form(axes, phi.shape, False, theme.is_dark()), {ROWS: rows}, {}, height=height)
        figure.draw(spec, f"{key}_all", _in_words(phi, name))
    shape = tuple(min(size, ZOOM) for size in phi.shape)
    spec = figure.filled(_form(axes, shape, True, theme.is_dark()), {ROWS: zoomed}, {}, height=ZOOMED + AXES)
    figure.draw(spec, f"{key}_zoom", _in_words(phi[:ZOOM, :ZOOM], name))


@lru_cache(maxsize=64)
def _form(titles: tuple[str, str], shape: tuple[int, int], numbers: bool, dark: bool) -> str:
    """One map over named data; `numbers` stand in the cells of a small one."""
    axis = {"labelAngle": 0, "ticks": False, "domain": False, "grid": False}
    x, y = (
        alt.Axis(title=label("rank_lab", "axis", name=name, run=run), values=_ticks(size, numbers), **axis)
        for name, run, size in zip("ji", reversed(titles), reversed(shape), strict=True)
    )
    formula = (
        "'‖U' + datum.i + 'ᵀ U' + datum.j + '‖²_F / min(' + datum.i + ', ' + datum.j + ') = ' + "
        "format(datum.phi * min(datum.i, datum.j), '.4f') + ' / ' + min(datum.i, datum.j) + ' = ' + "
        "format(datum.phi, '.4f')"
    )
    base = (
        alt.Chart(alt.NamedData(ROWS))
        .transform_calculate(formula=formula)
        .encode(
            x=alt.X("j:O", axis=x),
            y=alt.Y("i:O", axis=y),
            tooltip=[
                alt.Tooltip("formula:N", title="φ"),
                alt.Tooltip("expected:Q", title=label("rank_lab", "tip_expected"), format=".4f"),
                alt.Tooltip("mean:Q", title=label("rank_lab", "tip_mean"), format=".4f"),
                alt.Tooltip("low:Q", title=label("rank_lab", "tip_low"), format=".4f"),
                alt.Tooltip("high:Q", title=label("rank_lab", "tip_high"), format=".4f"),
            ],
        )
    )
    colour = alt.Color(
        "phi:Q", scale=alt.Scale(domain=[0, 1], range=theme.ramp(), clamp=True, interpolate="rgb"), legend=None
    )
    cells = base.mark_rect().encode(color=colour)
    if not numbers:
        return figure.form(theme.readable(cells))
    pale, strong, change = theme.on_ramp()
    on = alt.condition(f"datum.phi > {change}", alt.value(strong), alt.value(pale))
    words = base.mark_text(fontSize=13).encode(text=alt.Text("phi:Q", format=".2f"), color=on)
    return figure.form(theme.readable(cells + words))


def _ticks(size: int, every: bool) -> list[int]:
    """All numbers of a small map; of a large one the first, the last and some between."""
    if every or size <= ZOOM:
        return list(range(1, size + 1))
    step = 8 if size <= 32 else 16
    return [1, *range(step, size + 1, step)]


def _in_words(phi: np.ndarray, name: str) -> str:
    """For a screen reader: the diagonal at 1, 2, 4, 8, …"""
    both = min(phi.shape)
    shown = [k for k in (1, 2, 4, 8, 16, 32, 64) if k <= both]
    rows = ", ".join(f"φ({k}, {k}) = {phi[k - 1, k - 1]:.2f}" for k in shown)
    i, j = phi.shape
    return label("rank_lab", "phi_alt", name=name, i=i, j=j, rows=rows, last=f"φ({i}, {j}) = {phi[-1, -1]:.2f}")
