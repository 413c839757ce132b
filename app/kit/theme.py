"""One colour and one marker a method, everywhere; sentiment in blue and orange with a sign. Okabe–Ito colours."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial

import altair as alt
import streamlit as st

from app.kit import present
from app.kit.reach import code_colours, watch
from app.kit.reach import rules as reach
from peft_core.methods.registry import METHODS

# Whether every chart is held against Vega-Lite's schema each time it is drawn. That is half of the work of a screen
# with charts, and says nothing new: the tests of the screens switch it on.
CHECKED_AGAIN = False
alt.utils.schemapi.disable_debug_mode()  # the same, for each part of a chart while it is made


@dataclass(frozen=True)
class Style:
    """Colours of marks on a light and on a dark ground (for marks, not for text), and a Vega shape."""

    light: str
    dark: str
    shape: str
    light_words: str = ""  # the same hue with a contrast of at least 4.5 to 1, where words have the colour too

    @property
    def colour(self) -> str:
        return self.dark if is_dark() else self.light

    @property
    def words(self) -> str:
        return self.dark if is_dark() else self.light_words


MARKS = {  # a Vega shape, as a letter beside words
    "circle": "●", "square": "■", "diamond": "◆", "cross": "✚",
    "triangle-up": "▲", "triangle-down": "▼", "triangle-right": "▶", "triangle-left": "◀",
}  # fmt: skip
METHOD = {name: Style(method.look.light, method.look.dark, method.look.marker) for name, method in METHODS.items()}
POSITIVE = Style("#0072B2", "#56B4E9", "triangle-up", "#0067A3")
NEGATIVE = Style("#D55E00", "#F28E4B", "triangle-down", "#B34E00")


_ON_PAPER: ContextVar[bool] = ContextVar("on paper", default=False)


def is_dark() -> bool:
    return not _ON_PAPER.get() and st.context.theme.type == "dark"


@contextmanager
def on_paper() -> Iterator[None]:
    """Meanwhile every colour is that of a light ground, whatever the visitor's screen has."""
    before = _ON_PAPER.set(True)
    try:
        yield
    finally:
        _ON_PAPER.reset(before)


def tidy() -> None:
    """What Streamlit's theme cannot say: less empty space, controls that stay in view, the colours of verdicts."""
    rules = "[data-testid='stTabs'] [role='tablist'] { gap: 0.5rem; }"  # twelve of them on a projector
    rules += ".stMainBlockContainer { padding-top: 2.5rem; max-width: 1200px; }"
    rules += "@media (min-width: 800px) { .stMainBlockContainer { padding-left: 3rem; padding-right: 3rem; }"
    rules += " .stColumn:has(.st-key-controls) { position: sticky; top: 4rem; align-self: flex-start; } }"
    rules += ".st-key-computer_table td:last-child { overflow-wrap: anywhere; }"
    rules += _cards() + _direction() + reach.rules(ground(), _primary()) + code_colours.rules(is_dark())
    rules += "[data-testid='stMarkdownContainer'] a[href^='glossary#'] { color: inherit; text-decoration-style: dotted;"
    rules += " text-underline-offset: 0.2em; cursor: help; }"
    if is_dark():
        rules += "[data-testid^='stBaseButton-primary'], [data-tag], [data-tag] * { color: #12161C; }"
    rules += f"[data-testid='stCaptionContainer'] {{ color: {soft_ink()}; opacity: 1; }}"
    rules += "[data-testid='stCaptionContainer'] * { opacity: 1; color: inherit; }"
    st.html(f"<style>{rules}</style>")
    watch.draw()


def _cards() -> str:
    """Cards of verdicts, by what their keys say: words that break instead of being cut, colours, marks, frames."""
    card, cut = "[class*='st-key-verdict_']", "white-space: normal; overflow: visible; text-overflow: clip;"
    rules = f"{card} [data-testid='stMetric'] * {{ {cut} overflow-wrap: anywhere; }}"
    rules += f"{card} [data-testid='stMetricValue'] {{ font-size: 1.5rem; }} {card} {{ gap: 0; padding: 0.7rem; }}"
    for kind, style in (("positive", POSITIVE), ("negative", NEGATIVE)):
        rules += f"[class*='verdict_{kind}'] [data-testid='stMetricValue'] {{ color: {style.words}; }}"
    marks = {name: (style.colour, MARKS[style.shape]) for name, style in METHOD.items()} | {"base": (frozen(), "○")}
    for name, (colour, mark) in marks.items():
        rules += f"[class*='_of_{name}_at_'] {{ border-left: 6px solid {colour}; }}"
        rules += f"[class*='_of_{name}_at_'] [data-testid='stMetricLabel']::before"
        rules += f" {{ content: '{mark}' / ''; color: {colour}; margin-right: 0.35rem; }}"
    rules += f"{card}[class*='_framed'] {{ outline: 3px dashed {ink()}; outline-offset: 2px; }}"
    rules += f"{card}[class*='_doubtful'] {{ border-style: dotted; filter: grayscale(1); }}"
    return rules + f"{card}[class*='_doubtful'] [data-testid='stMetricValue'] {{ color: {soft_ink()}; }}"


def _direction() -> str:
    """Words of a visitor run as their own letters do: Persian from the right, in a box and where they are shown."""
    return ".stTextArea textarea, .stTextInput input, .stText, .stCode code { unicode-bidi: plaintext; }"


def _primary() -> str:
    """The colour of the theme for what can be pressed."""
    return str(st.get_option(f"theme.{'dark' if is_dark() else 'light'}.primaryColor"))


def frozen() -> str:
    """Outline of what does not train."""
    return "#8A94A3" if is_dark() else "#7A8594"


def ink() -> str:
    """Text inside charts."""
    return "#E9ECF0" if is_dark() else "#1B2027"


def soft_ink() -> str:
    """Captions and axes: quieter than text, still 4.5 to 1. Streamlit's own grey is not."""
    return "#AEB6C1" if is_dark() else "#59616D"


def ground() -> str:
    """What charts stand on: the page."""
    return "#12161C" if is_dark() else "#FFFFFF"


def ramp() -> list[str]:
    """From nothing to much, for cells that show a size: one hue whose lightness falls (on a dark ground: rises)."""
    return ["#1B222C", "#1F4E79", "#3E8ECC", "#BFE3FF"] if is_dark() else ["#F3F6FA", "#A9C9E8", "#3F83BF", "#0B3A68"]


def on_ramp() -> tuple[str, str, float]:
    """Colours of words on the first and on the last part of `ramp`, and the share of the scale where they change."""
    return ("#FFFFFF", "#000000", 0.565) if is_dark() else ("#000000", "#FFFFFF", 0.71)


def readable(chart: alt.TopLevelMixin) -> alt.TopLevelMixin:
    """The chart with axes that can be read from the back of a classroom."""
    colour = soft_ink()
    chart = chart.configure_axis(labelColor=colour, titleColor=colour, labelFontSize=13, titleFontSize=14)
    whole = partial(chart.to_dict, validate=CHECKED_AGAIN)
    # an attribute of the object: `chart.to_dict = …` would set a property of the chart
    object.__setattr__(chart, "to_dict", lambda *given, **named: present.lowered(whole(*given, **named)))
    return chart


def sign(label: str) -> str:
    """The sign of a label: nothing is told by colour alone."""
    return "+" if label == "positive" else "−"
