"""Bottleneck adapter: down, ReLU, up, plus the input."""

import streamlit as st

from app.content import glossary, label, text
from app.kit import stops
from app.method import skeleton
from app.method.adapter import choices, parts, picture
from app.method.count.count_chart import Knob
from app.method.sheet import show_all
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.t5.architecture import BaseModel

MAX_BOTTLENECK = 256


def controls(base: BaseModel) -> AdapterConfig:
    """What the class moves. All of it is in the URL."""
    default = AdapterConfig()
    told = glossary()["bottleneck"]
    m = stops.number("adapter_m", label("count", "m"), stops.powers(MAX_BOTTLENECK), default.bottleneck_dim, told)
    act, init = parts.non_linearity("adapter_act", default), parts.start("adapter_start", default)
    return AdapterConfig(bottleneck_dim=m, non_linearity=act, adapter_init=init)


def idea(base: BaseModel, config: AdapterConfig) -> None:
    """The concrete number first, then the picture."""
    m, d, blocks = config.bottleneck_dim, base.architecture.d_model, base.architecture.blocks
    one = (d + 1) * m + (m + 1) * d
    st.markdown(text("method/adapter", "idea", base=base.name, m=m, d=d, one=one, blocks=blocks, all=blocks * one))
    show_all(picture.pictures(base, config))


def maths(base: BaseModel, config: AdapterConfig) -> None:
    """The formula with this page's values in it."""
    skeleton.latex(parts.formula(base, config))
    m, d = config.bottleneck_dim, base.architecture.d_model
    st.markdown(text("method/adapter", "shapes", m=m, d=d, act=config.non_linearity))
    st.markdown(text("method/adapter", "initialisation"))
    st.caption(text("method/adapter", "source"))


skeleton.draw(
    skeleton.MethodPage(
        "adapter",
        controls,
        idea,
        maths,
        pictures=picture.pictures,
        formula=parts.formula,
        knob=Knob("bottleneck_dim", label("count", "m"), 1, MAX_BOTTLENECK),
        limit=parts.limit,
        more={"choices": choices.draw},
    )
)
