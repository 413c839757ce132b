"""LoRA: two thin strips beside a frozen matrix."""

import streamlit as st

from app.content import label, text
from app.kit import url
from app.method import skeleton
from app.method.count.count_chart import Knob, Limit
from app.method.lora import picture, why_rank_one
from app.method.lora.choices import section as choices
from app.method.shapes import matrix_shape, wrapped_weights
from peft_core.counting.by_hand import count
from peft_core.methods.lora.method import TARGET_MODULES, LoraConfig
from peft_core.t5.architecture import BaseModel

MAX_RANK, MAX_ALPHA = 256, 512.0
KEEP, ALPHA = "lora_keep", "lora_alpha"  # in the URL
RATIO = LoraConfig().scaling  # of every shipped LoRA, too


def controls(base: BaseModel) -> LoraConfig:
    """What the class moves. All of it is in the URL."""
    url.clamp("lora_r", label("count", "r"), 1, MAX_RANK)
    default = LoraConfig()
    r = st.slider(label("count", "r"), 1, MAX_RANK, default.r, key="lora_r", bind="query-params")
    targets = st.pills(
        label("count", "target_modules"),
        TARGET_MODULES,
        selection_mode="multi",
        default=list(default.target_modules),
        key="lora_targets",
        bind="query-params",
    )
    alpha = _alpha(r)
    if not targets:
        st.warning(label("count", "no_targets"), icon=":material/info:")
        st.stop()
    return LoraConfig(r=r, alpha=alpha, target_modules=tuple(targets))


def _alpha(r: int) -> float:
    """α, which follows r as long as α/r is kept. A link with another α/r opens without that."""
    url.clamp(ALPHA, label("count", "alpha"), 1, MAX_ALPHA, whole=False)
    if st.session_state.get(ALPHA, RATIO * r) != RATIO * r and KEEP not in (*st.session_state, *st.query_params):
        st.session_state[KEEP] = False
    keep = st.toggle(label("count", "keep_ratio", ratio=f"{RATIO:g}"), True, key=KEEP, bind="query-params")
    if keep:
        st.session_state[ALPHA] = RATIO * r
    alpha = st.number_input(
        label("count", "alpha"), 1.0, MAX_ALPHA, LoraConfig().alpha, step=1.0, format="%g", key=ALPHA,
        disabled=keep, bind="query-params",
    )  # fmt: skip
    if not keep:
        st.caption(label("count", "ratio_now", ratio=f"{alpha / r:.3g}"))
    return alpha


def idea(base: BaseModel, config: LoraConfig) -> None:
    """The concrete number first, then the picture."""
    module = config.target_modules[0]
    out, inner = matrix_shape(base.architecture, module)
    whole, strips = out * inner, config.r * (out + inner)
    values = {"base": base.name, "module": module, "out": out, "inner": inner, "w": whole, "r": config.r, "ab": strips}
    st.markdown(text("method/lora", "idea", share=strips / whole, **values))
    picture.draw(base, config)


def maths(base: BaseModel, config: LoraConfig) -> None:
    """The formula with this page's values in it."""
    (d, k), r = matrix_shape(base.architecture, config.target_modules[0]), config.r
    st.latex(r"h = W_0\,x \;+\; \frac{\alpha}{r}\,B\,A\,x")
    sizes = rf"\underbrace{{B}}_{{{d} \times {r}}}\;\underbrace{{A}}_{{{r} \times {k}}}"
    st.latex(rf"\underbrace{{W_0}}_{{{d} \times {k}}} x \;+\; {config.scaling:g}\;{sizes}\;x")
    st.markdown(text("method/lora", "shapes", inner=k, out=d, r=r, alpha=config.alpha, scaling=config.scaling))
    st.markdown(text("method/lora", "initialisation"))
    st.caption(text("method/lora", "source"))


def limit(base: BaseModel, config: LoraConfig) -> Limit:
    """What the wrapped matrices hold, and the rank from which LoRA trains as much."""
    full = wrapped_weights(base.architecture, config.target_modules)
    per_rank = count(base.architecture, config.model_copy(update={"r": 1})).trainable_parameters
    sentence = text("method/lora", "break_even", rank=-(-full // per_rank), full=f"{full:,}")
    return Limit(full, label("count", "full_matrices", full=f"{full:,}"), sentence)


skeleton.draw(
    skeleton.MethodPage(
        "lora",
        controls,
        idea,
        maths,
        Knob("r", label("count", "r"), 1, MAX_RANK),
        limit,
        more={"rank_one": lambda base, config: why_rank_one.draw(), "choices": choices.draw},
    )
)
