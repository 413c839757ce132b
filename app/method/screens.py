"""Several screens in one section: a choice above, one idea below."""

from collections.abc import Mapping

import streamlit as st

from app.content import label
from app.kit import url
from app.method.skeleton import Draw
from peft_core.methods.method import MethodConfig
from peft_core.t5.architecture import BaseModel


def draw(page: str, key: str, screens: Mapping[str, Draw], base: BaseModel, config: MethodConfig) -> None:
    """The chosen screen; which one is in the URL as `key`, its name is the label `KEY_NAME` of the page's file."""
    names = list(screens)
    url.from_link(key, names, names[0])
    chosen = st.radio(
        label(f"method/{page}", key), names, key=key, horizontal=True,
        format_func=lambda name: label(f"method/{page}", f"{key}_{name}"),
    )  # fmt: skip
    url.remember(key, chosen, names[0])
    screens[chosen](base, config)
