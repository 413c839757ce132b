"""Full fine-tuning: every weight moves. The yardstick for the other methods."""

import streamlit as st

from app.content import text
from app.method import skeleton
from app.method.full import picture
from peft_core.counting.by_hand import count
from peft_core.methods.full.method import FullConfig
from peft_core.methods.registry import method_of
from peft_core.t5.architecture import BaseModel

BYTES = 4  # of a number in fp32


def controls(base: BaseModel) -> FullConfig:
    """There is nothing to choose: no rank, no bottleneck, no prompt."""
    st.caption(text("method/full", "no_choice"))
    return FullConfig()


def idea(base: BaseModel, config: FullConfig) -> None:
    """The whole model, and what it takes to train it."""
    total = count(base.architecture, config).total_parameters
    megabytes = f"{total * BYTES / 1e6:,.0f} MB"
    training = f"{4 * total * BYTES / 1e6:,.0f} MB"
    st.markdown(text("method/full", "idea", base=base.name, total=total, file=megabytes, training=training))
    picture.draw(base, config)


def maths(base: BaseModel, config: FullConfig) -> None:
    """One step of plain gradient descent, then what AdamW adds."""
    a = base.architecture
    st.latex(r"W \;\leftarrow\; W - \eta\,\frac{\partial\,\mathrm{loss}}{\partial W}\qquad\text{for every } W")
    rate = method_of(config).learning_rate
    sizes = rf"\underbrace{{W_q}}_{{{a.inner_dim} \times {a.d_model}}}"
    st.latex(rf"{sizes} \;\leftarrow\; W_q - {rate:g}\cdot\hat m\,/\,(\sqrt{{\hat v}}+\epsilon)")
    st.markdown(text("method/full", "shapes", out=a.inner_dim, inner=a.d_model, rate=rate))
    st.markdown(text("method/full", "initialisation"))
    st.caption(text("method/full", "source"))


skeleton.draw(skeleton.MethodPage("full", controls, idea, maths))
