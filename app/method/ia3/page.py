"""(IA)³: one vector beside a frozen matrix."""

import streamlit as st

from app.content import text
from app.method import skeleton
from app.method.ia3 import picture
from app.method.sheet import show_all
from peft_core.methods.ia3.method import Ia3Config
from peft_core.t5.architecture import BaseModel


def controls(base: BaseModel) -> Ia3Config:
    """There is nothing to choose but the base model."""
    st.caption(text("method/ia3", "no_choice"))
    return Ia3Config()


def idea(base: BaseModel, config: Ia3Config) -> None:
    """The concrete number first, then the picture."""
    a = base.architecture
    whole = a.inner_dim * a.d_model
    values = {"base": base.name, "out": a.inner_dim, "inner": a.d_model, "w": whole, "share": a.inner_dim / whole}
    st.markdown(text("method/ia3", "idea", **values))
    show_all(picture.pictures(base, config))


def formula(base: BaseModel, config: Ia3Config) -> tuple[str, ...]:
    """The three equations in symbols, then with this page's shapes in them."""
    a = base.architecture
    whole = r"k = l_k \odot W_k\,x \qquad v = l_v \odot W_v\,x \qquad f = W_o\,(l_{f\!f} \odot \mathrm{act}(W_i\,x))"
    keys = rf"\underbrace{{l_k}}_{{{a.inner_dim}}} \odot \underbrace{{W_k}}_{{{a.inner_dim} \times {a.d_model}}}\,x"
    inner = rf"\underbrace{{l_{{f\!f}}}}_{{{a.d_ff}}} \odot \underbrace{{\mathrm{{act}}(W_i\,x)}}_{{{a.d_ff}}}"
    return whole, rf"{keys} \qquad\qquad \underbrace{{W_o}}_{{{a.d_model} \times {a.d_ff}}}\,\Big({inner}\Big)"


def maths(base: BaseModel, config: Ia3Config) -> None:
    """The formula, and what its letters stand for."""
    a = base.architecture
    skeleton.latex(formula(base, config))
    st.markdown(text("method/ia3", "shapes", out=a.inner_dim, wide=a.d_ff))
    st.markdown(text("method/ia3", "initialisation"))
    st.caption(text("method/ia3", "source"))


skeleton.draw(skeleton.MethodPage("ia3", controls, idea, maths, pictures=picture.pictures, formula=formula))
