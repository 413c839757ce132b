"""One training step, a screen at a time: the update, what is made small, how far a step goes, in which precision.

All but the first holds for every method; it stands here because here nothing else is in the way.
"""

from collections.abc import Callable

import streamlit as st

from app.content import label
from app.kit import url
from app.method.full.one_step import loss, precision, rate
from peft_core.methods.method import MethodConfig
from peft_core.t5.architecture import BaseModel

Draw = Callable[[BaseModel, MethodConfig], None]
KEY = "one_step"


def draw(base: BaseModel, config: MethodConfig, update: Draw) -> None:
    """The choice, and the chosen screen; `update` draws the formula of the method's page."""
    screens: dict[str, Draw] = {"update": update, "loss": loss.draw, "rate": rate.draw, "precision": precision.draw}
    names = list(screens)
    url.from_link(KEY, names, names[0])
    chosen = st.segmented_control(
        label("method/full", "one_step_choice"), names, key=KEY, required=True, label_visibility="collapsed",
        format_func=lambda name: label("method/full", f"one_step_{name}"),
    )  # fmt: skip
    url.remember(KEY, chosen, names[0])
    screens[chosen](base, config)
