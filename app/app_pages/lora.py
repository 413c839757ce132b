"""LoRA: idea, count, maths, train."""

import streamlit as st

from app import services
from app.components import calculator, picture, url
from app.components.shapes import matrix_shape
from app.components.train_panel import train_panel
from app.content import label, text
from peft_core.architecture import BaseModel, catalogue
from peft_core.configs import TARGET_MODULES, DataConfig, LoraConfig
from peft_core.counting import count

MAX_RANK, MAX_ALPHA = 256, 512.0


def controls() -> tuple[BaseModel, LoraConfig]:
    """What the class moves. All of it is in the URL."""
    url.clamp("lora_r", label("count", "r"), 1, MAX_RANK)
    url.clamp("lora_alpha", label("count", "alpha"), 1, MAX_ALPHA, whole=False)
    default = LoraConfig()
    base = st.selectbox(label("count", "base"), list(catalogue()), key="base", bind="query-params")
    r = st.slider(label("count", "r"), 1, MAX_RANK, default.r, key="lora_r", bind="query-params")
    targets = st.pills(
        label("count", "target_modules"),
        TARGET_MODULES,
        selection_mode="multi",
        default=list(default.target_modules),
        key="lora_targets",
        bind="query-params",
    )
    alpha = st.number_input(
        label("count", "alpha"), 1.0, MAX_ALPHA, default.alpha, step=1.0, format="%g", key="lora_alpha",
        bind="query-params",
    )  # fmt: skip
    if not targets:
        st.warning(label("count", "no_targets"), icon=":material/info:")
        st.stop()
    return catalogue()[base], LoraConfig(r=r, alpha=alpha, target_modules=tuple(targets))


def idea(base: BaseModel, config: LoraConfig) -> None:
    """The concrete number first, then the picture."""
    module = config.target_modules[0]
    out, inner = matrix_shape(base.architecture, module)
    whole, strips = out * inner, config.r * (out + inner)
    values = {"base": base.name, "module": module, "out": out, "inner": inner, "w": whole, "r": config.r, "ab": strips}
    st.markdown(text("lora", "idea", share=strips / whole, **values))
    picture.lora_picture(module, out, inner, config.r)
    st.caption(text("lora", "picture_caption"))


def maths(base: BaseModel, config: LoraConfig) -> None:
    """The formula with this page's values in it."""
    (d, k), r = matrix_shape(base.architecture, config.target_modules[0]), config.r
    st.latex(r"h = W_0\,x \;+\; \frac{\alpha}{r}\,B\,A\,x")
    sizes = rf"\underbrace{{B}}_{{{d} \times {r}}}\;\underbrace{{A}}_{{{r} \times {k}}}"
    st.latex(rf"\underbrace{{W_0}}_{{{d} \times {k}}} x \;+\; {config.scaling:g}\;{sizes}\;x")
    st.markdown(text("lora", "shapes", inner=k, out=d, r=r, alpha=config.alpha, scaling=config.scaling))
    st.markdown(text("lora", "initialisation"))
    st.caption(text("lora", "source"))


st.markdown(text("lora", "lead"))
left, right = st.columns([4, 9], gap="large")
with left.container(key="controls"):  # stays in view while the rest scrolls past: see theme.tidy
    base, config = controls()
    result = count(base.architecture, config)
    calculator.headline(result)
with right:
    idea(base, config)
    st.markdown(text("lora", "count"))
    calculator.hand_and_numel(base, config, result)
    calculator.rank_chart(base, config, range(1, MAX_RANK + 1))
    st.markdown(text("lora", "maths"))
    maths(base, config)
st.markdown(text("lora", "train", n=DataConfig().validation_size))
train_panel(base, config)
services.rerun_when_ready()
