"""AdapterHub's adapters: the same bottleneck under the library's names: reduction factor, Pfeiffer, Houlsby."""

import streamlit as st

from app.content import glossary, label, text
from app.kit import stops
from app.method import skeleton
from app.method.adapter import parts
from app.method.adapterhub import library, picture
from app.method.adapterhub.factor import FACTORS, KEY, LIBRARY_DEFAULT, bottleneck
from app.method.count.count_chart import Knob
from app.method.sheet import show_all
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.t5.architecture import BaseModel

PLACEMENTS = ("pfeiffer", "houlsby", "parallel")
SCALINGS = (1, 2, 4)  # 4: He et al. 2022, and the library's own for a parallel adapter
MAX_BOTTLENECK = 512


def controls(base: BaseModel) -> AdapterConfig:
    """What the class moves. All of it is in the URL."""
    told = glossary()["reduction factor"]
    factor = stops.number(KEY, label("count", "reduction_factor"), FACTORS, LIBRARY_DEFAULT, told)
    placement = st.radio(
        label("count", "placement"), PLACEMENTS, key="hub_placement", bind="query-params",
        captions=[label("count", f"placement_{name}") for name in PLACEMENTS], help=label("count", "help_placement"),
    )  # fmt: skip
    scaling = st.selectbox(
        label("count", "adapter_scaling"), SCALINGS, key="hub_scaling", bind="query-params",
        help=label("count", "help_adapter_scaling"),
    )  # fmt: skip
    act, init = parts.non_linearity("hub_act", AdapterConfig()), parts.start("hub_start", AdapterConfig())
    m = bottleneck(base.architecture.d_model, factor)
    return AdapterConfig(
        bottleneck_dim=m, placement=placement, non_linearity=act, adapter_init=init, adapter_scaling=scaling
    )


def idea(base: BaseModel, config: AdapterConfig) -> None:
    """From the library's number to the bottleneck, then where the adapters sit."""
    d, m = base.architecture.d_model, config.bottleneck_dim
    factor = st.session_state[KEY]
    usual = AdapterConfig().bottleneck_dim
    values = {"default": LIBRARY_DEFAULT, "usual": usual, "usual_factor": d // usual}
    st.markdown(text("method/adapterhub", "idea", d=d, m=m, factor=factor, base=base.name, **values))
    show_all(picture.pictures(base, config))
    st.markdown(text("method/adapterhub", "names"))


def formula(base: BaseModel, config: AdapterConfig) -> tuple[str, ...]:
    """The same adapter, at one of three places."""
    places = r"\text{Pfeiffer: } A(x + f) \qquad \text{Houlsby: } x + A(f) \qquad \text{Parallel: } f + A(x)"
    return *parts.formula(base, config), places


def maths(base: BaseModel, config: AdapterConfig) -> None:
    """The formula, and what its letters stand for."""
    skeleton.latex(formula(base, config))
    st.markdown(text("method/adapterhub", "shapes", d=base.architecture.d_model))
    st.markdown(text("method/adapter", "initialisation"))
    st.caption(text("method/adapterhub", "source"))


skeleton.draw(
    skeleton.MethodPage(
        "adapterhub",
        controls,
        idea,
        maths,
        pictures=picture.pictures,
        formula=formula,
        knob=Knob("bottleneck_dim", label("count", "m"), 1, MAX_BOTTLENECK),
        limit=parts.limit,
        more={"library": library.draw},
    )
)
