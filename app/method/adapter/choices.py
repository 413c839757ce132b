"""What an adapter could be otherwise: where it stands, where it starts, how wide it is, and what follows from that."""

from functools import partial
from math import erf, exp, tanh

import streamlit as st

from app.content import label, text
from app.kit import url
from app.kit.formats import megabytes, share
from app.method import screens
from app.method.adapter import parts, starts, widths
from app.method.cost import latency
from peft_core.counting.by_hand import base_lines, count
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.t5.architecture import Architecture, BaseModel

PLACES = ("after", "beside")
MAX_TASKS, TASKS = 100, 16
BYTES = 4  # of a number in fp32
ACT = {
    "relu": lambda z: max(z, 0.0),
    "gelu": lambda z: z * (1 + erf(z / 2**0.5)) / 2,
    "silu": lambda z: z / (1 + exp(-z)),
    "tanh": tanh,
}


def where(base: BaseModel, config: AdapterConfig) -> None:
    """Behind the feed-forward layer or beside it: the same numbers, another input."""
    st.markdown(text("method/adapter", "where"))
    url.from_link("adapter_place", PLACES, PLACES[0])
    place = st.radio(
        label("method/adapter", "place"), PLACES, key="adapter_place", horizontal=True,
        format_func=lambda name: label("method/adapter", f"place_{name}"),
    )  # fmt: skip
    url.remember("adapter_place", place, PLACES[0])
    detour = rf"W_{{up}}\,{parts.WRITTEN[config.non_linearity]}\!\left(W_{{down}}\,%s + b_{{down}}\right) + b_{{up}}"
    st.latex(r"f \;=\; \text{FeedForward}\left(\text{LN}(x)\right)")
    read = r"\left(x + f\right)" if place == "after" else r"\text{LN}(x)"
    st.latex(rf"\underbrace{{x + f}}_{{\text{{frozen}}}} \;+\; {detour % read}")
    a, m = base.architecture, config.bottleneck_dim
    one, ff = (a.d_model + 1) * m + (m + 1) * a.d_model, _feed_forward(a)
    values = {"one": one, "blocks": a.blocks, "all": a.blocks * one}
    values["share"] = share(ff / (ff + 4 * a.d_model * a.inner_dim))
    st.markdown(text("method/adapter", f"where_{place}", **values))
    st.caption(text("method/adapter", "where_source"))


def prediction(base: BaseModel, config: AdapterConfig) -> None:
    """What is computed at every prediction, counted and measured."""
    a, m = base.architecture, config.bottleneck_dim
    one, ff = 2 * a.d_model * m, _feed_forward(a)
    st.markdown(text("method/adapter", "prediction", d=a.d_model, m=m, one=one, ff=ff, share=share(one / ff)))
    latency.draw(base.name, ("adapter", "lora_merged"))


def merging(base: BaseModel, config: AdapterConfig) -> None:
    """A number on its way through the bottleneck, and its opposite (or its double): no matrix does that."""
    url.clamp("adapter_z", "z", -3, 3, whole=False)
    st.markdown(text("method/adapter", "merging"))
    z = st.slider(label("method/adapter", "z"), -3.0, 3.0, 1.5, 0.25, key="adapter_z", bind="query-params")
    act, written = ACT[config.non_linearity], parts.WRITTEN[config.non_linearity]
    if config.non_linearity == "tanh":  # odd: its opposite tells nothing, its double does
        left, found = rf"{written}(2z) - 2\,{written}(z)", act(2 * z) - 2 * act(z)
        shown = rf"{written}({2 * z:g}) - 2\,{written}({z:g})"
    else:
        left, found = rf"{written}(z) + {written}(-z)", act(z) + act(-z)
        shown = rf"{written}({z:g}) + {written}({-z:g})"
    st.latex(rf"\begin{{gathered}} {left} \\ = \; {shown} \; = \; {found:.3g} \end{{gathered}}")
    st.markdown(text("method/adapter", "merging_zero" if abs(found) < 1e-12 else "merging_found", found=f"{found:.3g}"))


def norms(base: BaseModel, config: AdapterConfig) -> None:
    """What Houlsby et al. train besides; here it stays frozen."""
    found = sum(line.value for line in base_lines(base.architecture) if line.part.kind == "layer-norms")
    adapters = count(base.architecture, config).trainable_parameters
    values = {"base": base.name, "norms": found, "adapters": adapters, "both": found + adapters}
    st.markdown(text("method/adapter", "norms", share=share(found / adapters), **values))
    st.caption(text("method/adapter", "norms_source"))


def tasks(base: BaseModel, config: AdapterConfig) -> None:
    """One base model and an adapter a task, beside a model a task."""
    url.clamp("adapter_tasks", label("method/adapter", "tasks"), 1, MAX_TASKS)
    st.markdown(text("method/adapter", "tasks"))
    n = st.slider(label("method/adapter", "tasks"), 1, MAX_TASKS, TASKS, key="adapter_tasks", bind="query-params")
    found = count(base.architecture, config)
    one = found.trainable_parameters
    whole = found.total_parameters - one
    values = {
        "n": n, "base": base.name, "one": one, "whole": megabytes(BYTES * n * whole),
        "shared": megabytes(BYTES * (whole + n * one)), "each": megabytes(BYTES * one),
    }  # fmt: skip
    st.markdown(text("method/adapter", "tasks_found", **values))
    st.caption(text("method/adapter", "tasks_source"))


def _feed_forward(a: Architecture) -> int:
    """Weights of one feed-forward layer: a token is multiplied with each of them."""
    return (3 if a.gated else 2) * a.d_model * a.d_ff


SCREENS = {
    "where": where,
    "start": starts.draw,
    "width": widths.draw,
    "prediction": prediction,
    "merging": merging,
    "norms": norms,
    "tasks": tasks,
}
draw = partial(screens.draw, "adapter", "choice", SCREENS)
