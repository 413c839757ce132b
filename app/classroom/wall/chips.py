"""What each model says of a sentence: a chip in its method's colour, with its sign; who is wrong stands in a frame."""

from collections.abc import Sequence

import streamlit as st

from app.content import label
from app.kit import theme
from app.kit.plain import escaped
from peft_core.serving.live.wall import Answer


def style() -> None:
    """The rules for what `draw` puts on the page; colours of methods are the theme's."""
    rules = "[class*='st-key-said_'] { width: auto; padding: 0.1rem 0.6rem; border-radius: 6px; gap: 0; }"
    rules += f"[class*='st-key-said_'] {{ border: 1px solid {theme.frozen()}; }}"
    rules += f"[class*='st-key-said_'][class*='_wrong'] {{ outline: 3px dashed {theme.ink()}; }}"
    colours = {name: style.colour for name, style in theme.METHOD.items()} | {"base": theme.frozen()}
    for name, colour in colours.items():
        rules += f"[class*='st-key-said_'][class*='_of_{name}_at_'] {{ border-left: 8px solid {colour}; }}"
    for kind, style in (("positive", theme.POSITIVE), ("negative", theme.NEGATIVE)):
        rules += f"[class*='st-key-said_{kind}'] strong {{ color: {style.words}; }}"
    st.html(f"<style>{rules}</style>")


def draw(answers: Sequence[Answer], positive: bool, key: str) -> None:
    """A chip for each answer, in the order in which they were asked.

    Args:
        positive: what is true.
        key: begins the keys of its containers: another one for each sentence.
    """
    with st.container(horizontal=True, key=f"chips_{key}"):
        for place, answer in enumerate(answers):
            said = "positive" if answer.positive else "negative"
            wrong = "_wrong" if answer.positive is not positive else ""
            style = theme.METHOD.get(answer.method)
            mark = theme.MARKS[style.shape] if style else "○"
            with st.container(key=f"said_{said}_of_{answer.method or 'base'}_at_{place}_{key}{wrong}", width="content"):
                name = "chip_wrong" if wrong else "chip"
                st.markdown(label("wall", name, mark=mark, title=escaped(answer.title), sign=theme.sign(said)))


def truth(positive: bool) -> str:
    """What its writer says is true, with its sign."""
    said = "positive" if positive else "negative"
    return f"{theme.sign(said)} {label('wall', said)}"
