"""Layer-norm tuning: one number a feature, at every norm."""

import streamlit as st

from app.content import text
from app.method import skeleton
from app.method.layer_norm import picture
from app.method.sheet import show_all
from peft_core.counting.by_hand import count
from peft_core.methods.layer_norm.method import LayerNormConfig
from peft_core.t5.architecture import BaseModel

PAGE = "method/layer_norm"


def controls(base: BaseModel) -> LayerNormConfig:
    """There is nothing to choose but the base model."""
    st.caption(text(PAGE, "no_choice"))
    return LayerNormConfig()


def idea(base: BaseModel, config: LayerNormConfig) -> None:
    """The concrete number first, then the picture."""
    a = base.architecture
    total = count(a, config).trainable_parameters
    values = {"base": base.name, "d": a.d_model, "norms": total // a.d_model, "total": total}
    st.markdown(text(PAGE, "idea", **values))
    show_all(picture.pictures(base, config))


def formula(base: BaseModel, config: LayerNormConfig) -> tuple[str, ...]:
    """The norm, with this page's shapes in it, and what it divides by."""
    d = base.architecture.d_model
    norm = rf"\underbrace{{y}}_{{{d}}} = \underbrace{{w}}_{{{d}}} \odot \frac{{x}}{{\mathrm{{RMS}}(x)}}"
    return norm, rf"\mathrm{{RMS}}(x) = \sqrt{{\tfrac{{1}}{{{d}}}\textstyle\sum_i x_i^2 + \varepsilon}}"


def maths(base: BaseModel, config: LayerNormConfig) -> None:
    """The formula, and what its letters stand for."""
    d = base.architecture.d_model
    skeleton.latex(formula(base, config))
    st.markdown(text(PAGE, "shapes", d=d))
    st.markdown(text(PAGE, "reaches"))
    st.markdown(text(PAGE, "initialisation"))
    st.caption(text(PAGE, "source"))


skeleton.draw(skeleton.MethodPage("layer_norm", controls, idea, maths, pictures=picture.pictures, formula=formula))
