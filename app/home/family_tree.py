"""A tree from left to right: the family, its branches, their methods. Names of branches stand over their lines.

Across, a place is so many pixels, which fit a phone, plus a share of what a wider screen has left.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import figure, theme

ROW, PHONE = 32, 330  # pixels of a line, and of the narrowest chart
FORK, BRANCH, LEAVES = (50, 0.08), (180, 0.38), (196, 0.42)  # where lines part, and where leaves are: pixels, share
HOLLOW = ""  # the method of a leaf that is not in this app


@dataclass(frozen=True)
class Leaf:
    """A method by its name in print, and by its name here if it is here."""

    words: str
    method: str = HOLLOW


@figure.kept
def draw(branches: Mapping[str, tuple[Leaf, ...]], chosen: str) -> None:
    """Every branch; the lines of the chosen one in full ink."""
    lines, names, leaves = rows(branches, chosen)
    x, y = alt.X("left:Q", scale=None, axis=None), alt.Y("y:Q", scale=None, axis=None)

    def placed(part: list[dict[str, object]], **ends: str) -> alt.Chart:
        chart = alt.Chart(pd.DataFrame(part)).transform_calculate(left=_at("x"), **ends)
        return chart.encode(x=x, y=y, tooltip=alt.TooltipValue(None))

    ink = alt.ExprRef(f"datum.chosen ? '{theme.ink()}' : '{theme.soft_ink()}'")
    wide = alt.ExprRef("datum.chosen ? 3 : 1.5")
    drawn = placed(lines, right=_at("x2")).mark_rule(color=ink, strokeWidth=wide, strokeCap="round")
    drawn = drawn.encode(x2=alt.X2("right:Q"), y2=alt.Y2("y2:Q"))
    bold = alt.ExprRef("datum.chosen ? 'bold' : 'normal'")
    style = {"align": "left", "baseline": "middle", "fontSize": 15, "color": ink}
    over = placed(names).mark_text(dy=-11, fontWeight=bold, **style).encode(text=alt.Text("words:N"))
    beside = placed(leaves).mark_text(dx=14, **style).encode(text=alt.Text("words:N"))
    here = [name for name in theme.METHOD if any(leaf["method"] == name for leaf in leaves)]
    colours = alt.Scale(domain=[*here, HOLLOW], range=[*(theme.METHOD[n].colour for n in here), theme.frozen()])
    inside = alt.Scale(domain=colours.domain, range=[*colours.range[:-1], theme.ground()])
    shapes = alt.Scale(domain=[*here, HOLLOW], range=[*(theme.METHOD[n].shape for n in here), "circle"])
    marks = placed(leaves).mark_point(size=130, strokeWidth=2, opacity=1)
    marks = marks.encode(
        color=alt.Color("method:N", scale=colours, legend=None), shape=alt.Shape("method:N", scale=shapes, legend=None),
        fill=alt.Fill("method:N", scale=inside, legend=None),
    )  # fmt: skip
    whole = alt.layer(drawn, over, marks, beside).properties(height=ROW * len(leaves)).configure_view(stroke=None)
    said = "; ".join(f"{name}: {', '.join(_spoken(leaf) for leaf in of)}" for name, of in branches.items())
    words = label("home", "tree_alt", branches=said)
    st.altair_chart(theme.readable(whole), width="stretch", key="home_family", alt=words)


def _at(end: str) -> str:
    return f"datum.{end} + datum.{end}_share * max(0, width - {PHONE})"


def _spoken(leaf: Leaf) -> str:
    return leaf.words if leaf.method else label("home", "not_here", name=leaf.words)


def rows(branches: Mapping[str, tuple[Leaf, ...]], chosen: str) -> tuple[list[dict], list[dict], list[dict]]:
    """Lines, the words over them, and leaves, as rows of charts; y in pixels from the top."""
    lines, names, leaves, middles = [], [], [], {}
    for name, of in branches.items():
        ys = [ROW * (len(leaves) + place + 0.5) for place in range(len(of))]
        middles[name] = middle = (ys[0] + ys[-1]) / 2
        on = name == chosen
        leaves += [
            _place("x", LEAVES) | {"y": y, "words": leaf.words, "method": leaf.method, "chosen": on}
            for y, leaf in zip(ys, of, strict=True)
        ]
        names.append(_place("x", (FORK[0] + 10, FORK[1])) | {"y": middle, "words": name, "chosen": on})
        lines += [_line(FORK, middle, BRANCH, middle, on), _line(BRANCH, ys[0], BRANCH, ys[-1], on)]
        lines += [_line(BRANCH, y, LEAVES, y, on) for y in ys]
    root = (min(middles.values()) + max(middles.values())) / 2
    lines += [_line((0, 0), root, FORK, root, True), _line(FORK, min(middles.values()), FORK, max(middles.values()))]
    lines.append(_line(FORK, root, FORK, middles[chosen], True))
    names.append(_place("x", (0, 0)) | {"y": root, "words": label("home", "root"), "chosen": True})
    return lines, names, leaves


def _place(end: str, at: tuple[float, float]) -> dict[str, object]:
    return {end: at[0], f"{end}_share": at[1]}


def _line(at: tuple[float, float], y: float, to: tuple[float, float], y2: float, chosen: bool = False) -> dict:
    return _place("x", at) | _place("x2", to) | {"y": y, "y2": y2, "chosen": chosen}
