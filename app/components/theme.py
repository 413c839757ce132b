"""One colour and one marker a method, everywhere; sentiment in blue and orange with a sign. Okabe–Ito colours."""

from dataclasses import dataclass

import streamlit as st


@dataclass(frozen=True)
class Style:
    """Colours of marks on a light and on a dark ground (for marks, not for text), and a Vega shape."""

    light: str
    dark: str
    shape: str

    @property
    def colour(self) -> str:
        return self.dark if is_dark() else self.light


METHOD = {
    "full": Style("#595959", "#B4BAC2", "circle"),
    "soft_prompt": Style("#E69F00", "#F0B429", "diamond"),
    "adapter": Style("#0072B2", "#56B4E9", "triangle-up"),
    "lora": Style("#CC79A7", "#E39BC3", "cross"),
}
POSITIVE = Style("#0072B2", "#56B4E9", "triangle-up")
NEGATIVE = Style("#D55E00", "#F28E4B", "triangle-down")


def is_dark() -> bool:
    return st.context.theme.type == "dark"


def tidy() -> None:
    """Two things that Streamlit's theme cannot say: less empty space on top, dark words on the light primary colour."""
    rules = ".stMainBlockContainer { padding-top: 3.5rem; }"
    if is_dark():
        rules += "[data-testid='stBaseButton-primary'], [data-baseweb='tag'] { color: #12161C; }"
        rules += "[data-baseweb='tag'] span { color: #12161C; }"
    st.html(f"<style>{rules}</style>")


def frozen() -> str:
    """Outline of what does not train."""
    return "#8A94A3" if is_dark() else "#7A8594"


def ink() -> str:
    """Text inside charts."""
    return "#E9ECF0" if is_dark() else "#1B2027"


def sentiment(label: str) -> tuple[str, str]:
    """(sign, colour) of a label: nothing is told by colour alone."""
    return ("+", POSITIVE.colour) if label == "positive" else ("−", NEGATIVE.colour)
