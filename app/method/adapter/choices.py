"""What an adapter could be otherwise: where it stands, where it starts, how wide it is, and what follows from that."""

from functools import partial
from math import erf, exp, tanh

import streamlit as st

from app.content import label, text
from app.kit import theme, url
from app.kit.formats import megabytes, share
from app.method import screens
from app.method.adapter import block, parts, starts, widths
from app.method.cost import latency
from app.method.sheet import show
from peft_core.counting.by_hand import base_lines, count
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.t5.architecture import Architecture, BaseModel

HIGH = 330  # pixels of the block
PLACES = {  # how a block's picture calls the placement, and what the detour beside the feed-forward layer's f reads
    "after": ("pfeiffer", r"\left(x + f\right)"),
    "both": ("houlsby", "f"),
    "beside": (block.PARALLEL, "x"),
}
MAX_TASKS, TASKS = 100, 16
BYTES = 4  # of a number in fp32
ACT = {
    "relu": lambda z: max(z, 0.0),
    "gelu": lambda z: z * (1 + erf(z / 2**0.5)) / 2,
    "silu": lambda z: z / (1 + exp(-z)),
    "tanh": tanh,
}


def where(base: BaseModel, config: AdapterConfig) -> None:
    """A block with its adapters at one of three places: the formula, the numbers, why there."""
    st.markdown(text("method/adapter", "where"))
    url.from_link("adapter_place", list(PLACES), "after")
    place = st.radio(
        label("method/adapter", "place"), list(PLACES), key="adapter_place", horizontal=True,
        format_func=lambda name: label("method/adapter", f"place_{name}"),
    )  # fmt: skip
    url.remember("adapter_place", place, "after")
    a, m = base.architecture, config.bottleneck_dim
    one, ff = (a.d_model + 1) * m + (m + 1) * a.d_model, _feed_forward(a)
    number = a.blocks * (2 if place == "both" else 1)
    values = {"one": one, "number": number, "all": number * one}
    values["share"] = share(ff / (ff + 4 * a.d_model * a.inner_dim))
    placement, read = PLACES[place]
    drawn = block.sheet(base, m, placement, ("encoder",), HIGH)
    words = label("method/adapter", "where_alt", where=label("method/adapter", f"place_{place}"), ff=ff, one=one)
    show(drawn, theme.METHOD["adapter"].colour, "adapter_where", words, text("method/adapter", "where_picture"))
    detour = (
        rf"W_{{up}}\,{parts.WRITTEN[config.non_linearity]}\!\left(W_{{down}}\,{read} + b_{{down}}\right) + b_{{up}}"
    )
    st.latex(rf"\begin{{gathered}} \underbrace{{x + f}}_{{\text{{frozen}}}} \\ + \; {detour} \end{{gathered}}")
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
