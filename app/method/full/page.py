"""Full fine-tuning: every weight moves. The yardstick for the other methods."""

import streamlit as st

from app.content import text
from app.kit.formats import megabytes
from app.method import skeleton
from app.method.full import forgetting, picture
from app.method.full.one_step import section as one_step
from app.method.sheet import show_all
from peft_core.counting.by_hand import count
from peft_core.counting.training_bytes import BF16, training_bytes
from peft_core.methods.full.method import FullConfig
from peft_core.methods.registry import method_of
from peft_core.t5.architecture import BaseModel


def controls(base: BaseModel) -> FullConfig:
    """There is nothing to choose: no rank, no bottleneck, no prompt."""
    st.caption(text("method/full", "no_choice"))
    return FullConfig()


def idea(base: BaseModel, config: FullConfig) -> None:
    """The whole model, and what it takes to train it."""
    total = count(base.architecture, config).total_parameters
    training = training_bytes(base.architecture, config)
    each = training.total // total
    values = {"file": megabytes(BF16 * total), "training": megabytes(training.total), "each": each}
    st.markdown(text("method/full", "idea", base=base.name, total=total, **values))
    show_all(picture.pictures(base, config))


def formula(base: BaseModel, config: FullConfig) -> tuple[str, ...]:
    """One step of plain gradient descent, then what AdamW adds."""
    a, rate = base.architecture, method_of(config).learning_rate
    step = r"W \;\leftarrow\; W - \eta\,\frac{\partial\,\mathrm{loss}}{\partial W}\qquad\text{for every } W"
    sizes = rf"\underbrace{{W_q}}_{{{a.inner_dim} \times {a.d_model}}}"
    return step, rf"{sizes} \;\leftarrow\; W_q - {rate:g}\cdot\hat m\,/\,(\sqrt{{\hat v}}+\epsilon)"


def update(base: BaseModel, config: FullConfig) -> None:
    """The formula, and what its letters stand for."""
    a, rate = base.architecture, method_of(config).learning_rate
    skeleton.latex(formula(base, config))
    st.markdown(text("method/full", "shapes", out=a.inner_dim, inner=a.d_model, rate=rate))
    st.markdown(text("method/full", "initialisation"))
    st.caption(text("method/full", "source"))


def maths(base: BaseModel, config: FullConfig) -> None:
    """The update, and three more screens on what one training step is."""
    one_step.draw(base, config, update)


skeleton.draw(
    skeleton.MethodPage(
        "full",
        controls,
        idea,
        maths,
        pictures=picture.pictures,
        formula=formula,
        more={"forgetting": lambda base, config: forgetting.draw()},
    )
)
