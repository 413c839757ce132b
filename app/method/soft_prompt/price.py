"""What n more rows in front cost in every forward pass: a bar a part of the model, counted from its shapes."""

from dataclasses import astuple, fields
from functools import lru_cache

import altair as alt
import pandas as pd
import streamlit as st

from app.content import label, text
from app.kit import figure, theme
from app.kit.formats import share
from app.kit.length import tokens_read
from peft_core.counting.longer_input import Work, work
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.t5.architecture import BaseModel

DATA = "rows"  # its name
BAR, ROW, AXIS = 20, 54, 50  # pixels: a bar, its row with the name above it, the axis of the rows
SCALES = (0.25, 1, 4)  # where the axis may end: it stays while n moves a little
PAGE = "method/soft_prompt"
TOTAL = "total"


def draw(base: BaseModel, config: SoftPromptConfig) -> None:
    """Claim, bars, the two ratios, and why no merging helps."""
    n, tokens = config.num_virtual_tokens, tokens_read()
    st.markdown(text(PAGE, "price", n=n, tokens=tokens))
    factors = growth(work(base.architecture, tokens), work(base.architecture, tokens + n))
    rows = pd.DataFrame([_bar(part, factor) for part, factor in factors.items()])
    end = next((scale for scale in SCALES if scale >= rows["more"].max()), rows["more"].max())
    spec = figure.filled(_form(len(rows), end, theme.is_dark()), {DATA: rows}, {})
    figure.draw(spec, "prompt_price", label(PAGE, "price_alt", n=n, tokens=tokens, rows="; ".join(rows["words"])))
    st.markdown(text(PAGE, "price_found", n=n, **factors))
    st.markdown(text(PAGE, "price_merge"))
    st.caption(text(PAGE, "price_source", base=base.name))


def growth(before: Work, after: Work) -> dict[str, float]:
    """How many times as much each part multiplies, and all of them together."""
    names = [field.name for field in fields(Work)]
    parts = {name: b / a for name, a, b in zip(names, astuple(before), astuple(after), strict=True)}
    return parts | {TOTAL: after.total / before.total}


def _bar(part: str, factor: float) -> dict[str, object]:
    name, more = label(PAGE, f"price_{part}"), factor - 1
    words = label(PAGE, "price_bar" if more else "price_none", name=name, more=share(more))
    return {"part": part, "more": more, "words": words, "all": part == TOTAL}


@lru_cache(maxsize=32)
def _form(count: int, most: float, dark: bool) -> str:
    """A bar a part with its words above it; the sum is strong."""
    y = alt.Y("part:N", sort=None, axis=None)
    axis = alt.Axis(format="%", tickCount=5, grid=False)
    x = alt.X("more:Q", title=label(PAGE, "price_axis"), scale=alt.Scale(domain=[0, most]), axis=axis)
    base = alt.Chart(alt.NamedData(DATA)).encode(y=y, tooltip=alt.TooltipValue(None))
    strength = alt.condition("datum.all", alt.value(1), alt.value(0.45))
    colour = theme.METHOD["soft_prompt"].colour
    bars = base.mark_bar(size=BAR, color=colour).encode(x=x, opacity=strength)
    names = base.mark_text(align="left", dy=-20, fontSize=14, color=theme.ink()).encode(
        x=alt.XValue(0), text=alt.Text("words:N")
    )
    return figure.form(theme.readable((bars + names).properties(height=AXIS + ROW * count)))
