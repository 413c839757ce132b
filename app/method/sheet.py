"""A sheet on which every picture is drawn: blocks to scale, words and arrows beside them.

A place on the sheet is a `Length`: so many weights, which shrink with the screen, plus so many pixels, which do not
(room for words). The browser works out how many weights make a pixel, so one sheet fits a phone and a projector.
Blocks are never made larger than they are: one thinner than a pixel is still seen by its outline.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import figure, present, theme


@dataclass(frozen=True)
class Length:
    """`weights` at the scale of the sheet, plus `pixels`."""

    weights: float = 0.0
    pixels: float = 0.0

    def __add__(self, other: "Length") -> "Length":
        return Length(self.weights + other.weights, self.pixels + other.pixels)


def w(weights: float) -> Length:
    """A length in weights."""
    return Length(weights=weights)


def px(pixels: float) -> Length:
    """A length in pixels."""
    return Length(pixels=pixels)


@dataclass(frozen=True)
class Block:
    """A rectangle of `width` × `height` in weights whose area is its number of weights."""

    part: str  # its symbol or name, as on the Maths tab
    shape: str
    width: float
    height: float
    x: Length  # of the left edge
    y: Length  # of the upper edge
    trained: bool
    colour: str = ""  # another one than the method's

    @property
    def numbers(self) -> int:
        """How many weights it stands for."""
        return round(self.width * self.height)


def matrix(part: str, rows: int, columns: int, x: Length, y: Length, trained: bool) -> Block:
    """A matrix as it is written: rows high, columns wide."""
    return Block(part, f"{rows:,} × {columns:,}", columns, rows, x, y, trained)


@dataclass(frozen=True)
class Words:
    """Text at a place: the middle of its height, and its left edge, middle or right edge."""

    text: str
    x: Length
    y: Length
    align: str = "left"
    bold: bool = False
    size: int = 15
    colour: str = ""


LINE = 20  # pixels from one line of words to the next
LEAST = 40  # pixels for the blocks of a presented picture, beside its words


def lines(x: Length, y: Length, *texts: str, align: str = "left", colour: str = "") -> list[Words]:
    """A bold line at (x, y) and plain ones below it."""
    return [
        Words(text, x, y + px(LINE * number), align, number == 0, 17 if number == 0 else 15, colour)
        for number, text in enumerate(texts)
    ]


def line(x: Length, y: Length, symbol: str, rest: str) -> list[Words]:
    """A bold symbol at (x, y), and plain words after it."""
    return [Words(symbol, x, y, "left", True, 17), Words(rest, x + px(10 * len(symbol) + 10), y)]


@dataclass(frozen=True)
class Stroke:
    """A straight line, with an arrow head where it ends if `head` names its direction."""

    x: Length
    y: Length
    x2: Length
    y2: Length
    head: str = ""  # "right", "down" or none


@dataclass(frozen=True)
class Sheet:
    """Everything on one picture. `widths` and `heights` must fit into the chart; they fix its scale."""

    blocks: tuple[Block, ...]
    words: tuple[Words, ...]
    strokes: tuple[Stroke, ...]
    widths: tuple[Length, ...]
    heights: tuple[Length, ...]
    pixels: int  # height of the chart
    one_scale: bool = True  # as many weights a pixel across as down; else only areas are true


def frame(blocks: Iterable[Block]) -> pd.DataFrame:
    """Blocks as the rows of a chart: edges in weights (x, x2, y, y2), and where they start in pixels (dx, dy)."""
    rows = [
        {
            "part": b.part,
            "state": label("picture", "trained" if b.trained else "frozen"),
            "shape": b.shape,
            "numbers": b.numbers,
            "trained": b.trained,
            "colour": b.colour,
            "x": b.x.weights,
            "x2": b.x.weights + b.width,
            "dx": b.x.pixels,
            "y": b.y.weights,
            "y2": b.y.weights + b.height,
            "dy": b.y.pixels,
        }
        for b in blocks
    ]
    return pd.DataFrame(rows)


def _places(rows: Iterable[Words | Stroke]) -> pd.DataFrame:
    """Words or strokes as rows: each Length as two columns, `x` in weights and `dx` in pixels."""
    flat = []
    for row in rows:
        values = asdict(row)
        for name in ("x", "y", "x2", "y2"):
            if name in values:
                length = values.pop(name)
                values |= {name: length["weights"], f"d{name}": length["pixels"]}
        flat.append(values)
    return pd.DataFrame(flat)


def _sizes(sheet: Sheet) -> dict[str, str]:
    """What the browser works out from the width of the screen: weights a pixel `across` and `down`, and the height.

    A narrow screen makes the picture lower: `height` is the name of Vega's own signal, which this replaces.
    """
    across = [f"{length.weights} / max(1, width - {length.pixels})" for length in sheet.widths]
    down = [f"{length.weights} / {sheet.pixels - length.pixels}" for length in sheet.heights]
    if not sheet.one_scale:
        return {"across": _largest(across), "down": _largest(down)}
    high = [f"{length.weights} / across + {length.pixels}" for length in sheet.heights]
    return {"across": _largest([*across, *down]), "down": "across", "height": _largest(high)}


def _largest(terms: list[str]) -> str:
    return f"max({', '.join(terms)})"


def chart(sheet: Sheet, colour: str) -> dict[str, Any]:
    """The specification of the sheet with its trained blocks in `colour`."""
    sizes = _sizes(sheet)
    data = {"blocks": frame(sheet.blocks), "words": _places(sheet.words)}
    if sheet.strokes:
        data["strokes"] = _places(sheet.strokes)
    form = _form(colour, bool(sheet.strokes), tuple(sizes), theme.is_dark())
    return figure.filled(form, data, {name: {"expr": value} for name, value in sizes.items()}, height=sheet.pixels)


@lru_cache(maxsize=64)
def _form(colour: str, with_strokes: bool, sizes: tuple[str, ...], dark: bool) -> str:
    """Blocks, strokes and words, each over the data of its name.

    Args:
        sizes: names of the parameters that `_sizes` works out.
        dark: which of the theme's colours it has.
    """
    x, y = alt.X("left:Q", scale=None, axis=None), alt.Y("top:Q", scale=None, axis=None)

    def placed(name: str, right_dx: str = "dx", bottom_dy: str = "dy") -> alt.Chart:
        edges = {"left": "datum.x / across + datum.dx", "top": "datum.y / down + datum.dy"}
        if name != "words":
            edges["right"] = f"datum.x2 / across + datum.{right_dx}"
            edges["bottom"] = f"datum.y2 / down + datum.{bottom_dy}"
        return (
            alt.Chart(alt.NamedData(name)).transform_calculate(**edges).encode(x=x, y=y, tooltip=alt.TooltipValue(None))
        )

    tooltip = [
        alt.Tooltip(f"{name}:{kind}", title=label("picture", name), format=form)
        for name, kind, form in (("part", "N", ""), ("shape", "N", ""), ("numbers", "Q", ","), ("state", "N", ""))
    ]
    blocks = placed("blocks").encode(x2=alt.X2("right:Q"), y2=alt.Y2("bottom:Q"), tooltip=tooltip)
    fill = alt.ExprRef(f"datum.colour || '{colour}'")
    layers = [
        blocks.transform_filter("!datum.trained").mark_rect(
            fill=theme.frozen(), fillOpacity=0.12, stroke=theme.frozen(), strokeWidth=1.5, strokeDash=[5, 4]
        ),
        blocks.transform_filter("datum.trained").mark_rect(fill=fill, stroke=fill, strokeWidth=1.5),
    ]
    if with_strokes:
        ends = placed("strokes", "dx2", "dy2")
        layers.append(
            ends.mark_rule(color=theme.soft_ink(), strokeWidth=1.5).encode(x2=alt.X2("right:Q"), y2=alt.Y2("bottom:Q"))
        )
        heads = ends.transform_filter("datum.head").encode(
            x=alt.X("right:Q", scale=None, axis=None), y=alt.Y("bottom:Q", scale=None, axis=None)
        )
        turned = alt.ExprRef("datum.head == 'down' ? 180 : 90")
        layers.append(heads.mark_point(shape="triangle", angle=turned, filled=True, size=60, color=theme.soft_ink()))
    layers.append(
        placed("words").mark_text(
            baseline="middle",
            align=alt.ExprRef("datum.align"),
            fontSize=alt.ExprRef("datum.size"),
            fontWeight=alt.ExprRef("datum.bold ? 'bold' : 'normal'"),
            color=alt.ExprRef(f"datum.colour || '{theme.ink()}'"),
        ).encode(text=alt.Text("text:N"))
    )  # fmt: skip
    whole = alt.layer(*layers).add_params(*(alt.param(name=name, expr="1") for name in sizes))
    return figure.form(theme.readable(whole).configure_view(stroke=None))


def show(sheet: Sheet, colour: str, key: str, alt_text: str, caption: str) -> None:
    """Draw the sheet with the sentence on what is frozen, what is trained, and what the scale is."""
    most = present.highest()
    if most and sheet.one_scale:  # a picture of areas has its words where there is room: it comes as it fits
        most = max(most, max(length.pixels for length in sheet.heights) + LEAST)
        sheet = replace(sheet, pixels=min(sheet.pixels, most))
    figure.draw(chart(sheet, colour), key, alt_text)
    st.caption(caption)


class Picture(NamedTuple):
    """What `show` is given: a page has its pictures as values, for paper as well."""

    sheet: Sheet
    colour: str
    key: str
    alt_text: str
    caption: str


def show_all(pictures: Iterable[Picture]) -> None:
    """Draw one below the other."""
    for picture in pictures:
        show(*picture)
