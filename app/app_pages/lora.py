"""LoRA: idea, count, maths, train."""

import streamlit as st

from app import services
from app.components import calculator, picture, url
from app.components.train_panel import train_panel
from app.content import label, text
from peft_core.architecture import BaseModel, catalogue
from peft_core.configs import TARGET_MODULES, LoraConfig
from peft_core.counting import count

MAX_RANK, MAX_ALPHA = 256, 512.0


def controls() -> tuple[BaseModel, LoraConfig]:
    """What the class moves. All of it is in the URL."""
    url.clamp("lora_r", label("count", "r"), 1, MAX_RANK)
    url.clamp("lora_alpha", label("count", "alpha"), 1, MAX_ALPHA, whole=False)
    default = LoraConfig()
    first, second = st.columns(2)
    base = first.selectbox(label("count", "base"), list(catalogue()), key="base", bind="query-params")
    r = second.slider(label("count", "r"), 1, MAX_RANK, default.r, key="lora_r", bind="query-params")
    targets = first.pills(
        label("count", "target_modules"),
        TARGET_MODULES,
        selection_mode="multi",
        default=list(default.target_modules),
        key="lora_targets",
        bind="query-params",
    )
    alpha = second.number_input(
        label("count", "alpha"), 1.0, MAX_ALPHA, default.alpha, step=1.0, key="lora_alpha", bind="query-params"
    )
    if not targets:
        st.warning(label("count", "no_targets"), icon=":material/info:")
        st.stop()
    return catalogue()[base], LoraConfig(r=r, alpha=alpha, target_modules=tuple(targets))


def idea(base: BaseModel, config: LoraConfig) -> None:
    """The concrete number first, then the picture."""
    shape = base.architecture
    out_features, in_features = shape.inner_dim, shape.d_model
    whole, strips = out_features * in_features, config.r * (out_features + in_features)
    values = {"base": base.name, "out": out_features, "inner": in_features, "w": whole, "r": config.r, "ab": strips}
    words, drawing = st.columns(2, vertical_alignment="center")
    words.markdown(text("lora", "idea", share=strips / whole, **values))
    with drawing:
        picture.lora_picture(out_features, in_features, config.r)
        st.caption(text("lora", "picture_caption"))


def maths(base: BaseModel, config: LoraConfig) -> None:
    """The formula with this page's values in it."""
    shape = base.architecture
    d, k, r = shape.inner_dim, shape.d_model, config.r
    st.latex(r"h = W_0\,x \;+\; \frac{\alpha}{r}\,B\,A\,x")
    sizes = rf"\underbrace{{B}}_{{{d} \times {r}}}\;\underbrace{{A}}_{{{r} \times {k}}}"
    st.latex(rf"\underbrace{{W_0}}_{{{d} \times {k}}} x \;+\; {config.scaling:g}\;{sizes}\;x")
    st.markdown(text("lora", "shapes", inner=k, out=d, r=r, alpha=config.alpha, scaling=config.scaling))
    st.markdown(text("lora", "initialisation"))
    st.caption(text("lora", "source"))


st.markdown(text("lora", "lead"))
base, config = controls()
idea(base, config)
st.markdown(text("lora", "count"))
result = count(base.architecture, config)
calculator.headline(result)
left, right = st.columns(2)
with left:
    calculator.hand_and_numel(base, config, result)
with right:
    calculator.rank_chart(base, config, range(1, MAX_RANK + 1))
st.markdown(text("lora", "maths"))
maths(base, config)
st.markdown(text("lora", "train"))
train_panel(base, config)
services.rerun_when_ready()
