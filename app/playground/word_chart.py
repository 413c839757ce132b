"""A text as words with a score below each, in lines that fit the screen; and the most influential words as bars.

The words are a visitor's: they are text marks of a chart, never Markdown or HTML. A chart cannot wrap text by itself:
the lines are laid out here for three widths, and the browser takes the widest that it has room for. Blue with + speaks
for "positive", orange with − for "negative".
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label
from app.kit import theme

if TYPE_CHECKING:
    from peft_core.analysis.explain.attribution import Attribution

FONT = "Source Code Pro, monospace"  # every letter is equally wide, so places can be counted in letters
FONT_SIZE = 17
LETTER = 0.6 * FONT_SIZE  # pixels
EDGE = 0.3 * LETTER  # of a word's box, into the gap between two words
LINES = (34, 56, 80)  # letters a line: phone, projector beside a column, whole page
LINE_HEIGHT = 56
STRONGEST = 0.5  # opacity of the largest score: what is written on it keeps a contrast of 4.5 to 1
NARROWEST = 5  # letters that a number such as +0.42 needs below a short word


def words(found: "Attribution", largest: float, key: str) -> None:
    """The whole text. `largest` is the absolute score with the strongest colour."""
    cells = _cells(found)
    frame = pd.DataFrame([_row(cell, largest) for cell in cells])
    for line_letters in LINES:
        places = lay_out([cell.width for cell in cells], line_letters)
        frame[f"line{line_letters}"] = [line for line, _ in places]
        columns = [column for _, column in places]
        if from_right(found.words):
            columns = [line_letters - column - cell.width + 1 for column, cell in zip(columns, cells, strict=True)]
        frame[f"left{line_letters}"] = [LETTER * column for column in columns]
    base = (
        alt.Chart(frame)
        .transform_calculate(line=_for_this_screen("line"), left=_for_this_screen("left"))
        .transform_calculate(right=f"datum.left + datum.wide + {EDGE}", middle="datum.left + datum.wide / 2")
        .transform_calculate(left=f"datum.left - {EDGE}")
        .encode(y=alt.Y("line:O", axis=None), tooltip=alt.Tooltip(["hint:N"], title=None))
    )
    middle = base.encode(x=alt.X("middle:Q", scale=None, axis=None))
    box = base.mark_bar(height=30, yOffset=-9, cornerRadius=4).encode(
        x=alt.X("left:Q", scale=None, axis=None),
        x2=alt.X2("right:Q"),
        color=alt.Color("colour:N", scale=None),
        opacity=alt.Opacity("strength:Q", scale=None),
    )
    text = middle.mark_text(font=FONT, fontSize=FONT_SIZE, dy=-8, color=theme.ink()).encode(text=alt.Text("text:N"))
    number = middle.mark_text(font=FONT, fontSize=13, dy=16, color=theme.soft_ink()).encode(text=alt.Text("number:N"))
    chart = (box + text + number).properties(height=alt.Step(LINE_HEIGHT)).configure_view(stroke=None)
    st.altair_chart(theme.readable(chart), width="stretch", key=key, alt=_in_words(found))


def bars(found: "Attribution", number: int, title: str, scores: Sequence[float], key: str) -> None:
    """The `number` most influential words, the largest first, on an axis that has room for `scores`, too."""
    chosen = found.most_influential(number)
    if not chosen:
        return
    ends = [0.0, *scores, *(found.scores[i] for i in chosen)]
    room = 0.2 * (max(ends) - min(ends)) or 1.0  # for the numbers at the ends of the bars
    rows = [{"word": named(found, i), "score": found.scores[i], "number": signed(found.scores[i])} for i in chosen]
    frame = pd.DataFrame(rows)
    frame["colour"] = [_style(score).colour for score in frame["score"]]
    base = alt.Chart(frame).encode(
        y=alt.Y("word:N", sort=None, title=None, axis=alt.Axis(labelLimit=200)),
        x=alt.X(
            "score:Q",
            title=title,
            scale=alt.Scale(domain=[min(ends) - room, max(ends) + room], nice=False),
            axis=alt.Axis(tickCount=5),
        ),
    )
    drawn = base.mark_bar(height=16).encode(color=alt.Color("colour:N", scale=None))
    right = base.transform_filter("datum.score >= 0").mark_text(align="left", dx=5, fontSize=14, color=theme.ink())
    left = base.transform_filter("datum.score < 0").mark_text(align="right", dx=-5, fontSize=14, color=theme.ink())
    chart = (drawn + right.encode(text=alt.Text("number:N")) + left.encode(text=alt.Text("number:N"))).properties(
        height=alt.Step(28)
    )
    st.altair_chart(theme.readable(chart), width="stretch", key=key, alt=_in_words(found))


def lay_out(widths: Sequence[int], line_letters: int) -> list[tuple[int, int]]:
    """(line, column) of each cell, words in order, a new line where the next cell would not fit."""
    places, line, column = [], 0, 0
    for width in widths:
        if column and column + width > line_letters:
            line, column = line + 1, 0
        places.append((line, column))
        column += width
    return places


def from_right(words: Sequence[str]) -> bool:
    """Whether the text runs from right to left, as its first letter that has a direction does."""
    directions = (unicodedata.bidirectional(c) for word in words for c in word)
    return next((d for d in directions if d in ("L", "R", "AL")), "L") != "L"


def _for_this_screen(name: str) -> str:
    """A Vega expression: the column for the widest lines that fit into the chart."""
    narrow, *wider = LINES
    expression = f"datum.{name}{narrow}"
    for line_letters in wider:
        expression = f"width >= {LETTER * line_letters} ? datum.{name}{line_letters} : ({expression})"
    return expression


@dataclass(frozen=True)
class Cell:
    """What is drawn in one place: a word, a stretch of words that were not read, or the rest."""

    text: str
    number: str
    score: float
    hint: str

    @property
    def width(self) -> int:
        """Width in letters, with the gap to the next cell."""
        return max(letters(self.text), NARROWEST) + 1


def letters(text: str) -> int:
    """How wide `text` is in a font of fixed width: Chinese characters and most emoji take two places, accents none."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(bool(unicodedata.combining(c)) for c in text)


def signed(score: float) -> str:
    return f"{score:+.2f}".replace("-", "−")


def named(found: "Attribution", index: int) -> str:
    """A word with its number: no two are called the same."""
    return f"{shortened(found.words[index], 22)} ({index + 1})"


def shortened(word: str, most: int) -> str:
    return word if letters(word) <= most else word[: most - 1] + "…"


def _cells(found: "Attribution") -> list[Cell]:
    """Words, with one cell for each stretch that was not read, and the rest at the end."""
    cells: list[Cell] = []
    unread = 0
    for index, (word, score) in enumerate(zip(found.words, found.scores, strict=True)):
        unread = unread + 1 if score is None else 0
        if unread:
            if unread > 1:
                cells.pop()
            words = label("explain", "not_read", n=unread)
            cells.append(Cell(words, "", 0.0, words))
        else:
            hint = label("explain", "hint", number=index + 1, score=signed(score))
            cells.append(Cell(shortened(word, LINES[0] - 2), signed(score), score, hint))
    if found.method == "integrated_gradients":
        rest = label("explain", "rest")
        cells.append(Cell(rest, signed(found.rest), found.rest, label("explain", "rest_hint")))
    return cells


def _row(cell: Cell, largest: float) -> dict[str, object]:
    return {
        "text": cell.text,
        "number": cell.number,
        "hint": cell.hint,
        "wide": LETTER * (cell.width - 1),
        "colour": _style(cell.score).colour,
        "strength": STRONGEST * abs(cell.score) / largest if largest else 0.0,
    }


def _style(score: float) -> theme.Style:
    return theme.POSITIVE if score >= 0 else theme.NEGATIVE


def _in_words(found: "Attribution") -> str:
    rows = "; ".join(f"{named(found, i)} {signed(found.scores[i])}" for i in found.most_influential(10))
    return label("explain", "chart_alt", method=label("explain", found.method), rows=rows)
