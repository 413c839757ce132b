"""What the two adapter pages share: the non-linearity, the formula, the line a count should stay below."""

import streamlit as st

from app.content import label, text
from app.method.count.count_chart import Limit
from peft_core.counting.by_hand import count
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.t5.architecture import BaseModel

INITS = ("zero", "houlsby", "bert", "linear")
NON_LINEARITIES = ("relu", "gelu", "silu", "tanh")
WRITTEN = {"relu": r"\mathrm{ReLU}", "gelu": r"\mathrm{GELU}", "silu": r"\mathrm{SiLU}", "tanh": r"\tanh"}


def non_linearity(key: str, default: AdapterConfig) -> str:
    """The widget; an unknown name in the link is dropped."""
    return st.selectbox(
        label("count", "non_linearity"), NON_LINEARITIES, NON_LINEARITIES.index(default.non_linearity), key=key,
        bind="query-params", help=label("count", "help_non_linearity"),
    )  # fmt: skip


def start(key: str, default: AdapterConfig) -> str:
    """The widget for where an adapter starts, and in words what that is; an unknown name in the link is dropped."""
    chosen = st.selectbox(
        label("count", "adapter_init"), INITS, INITS.index(default.adapter_init), key=key, bind="query-params",
        help=label("count", "help_adapter_init"),
    )  # fmt: skip
    st.caption(label("count", f"init_{chosen}"))
    return chosen


def formula(base: BaseModel, config: AdapterConfig) -> tuple[str, ...]:
    """A(h) in symbols, then with this page's shapes."""
    m, d, act = config.bottleneck_dim, base.architecture.d_model, WRITTEN[config.non_linearity]
    scaled = config.adapter_scaling != 1
    s, left, right = (f"{config.adapter_scaling:g}", r"\left(", r"\right)") if scaled else ("", "", "")
    detour = rf"W_{{up}}\;{act}\!\left(W_{{down}}\,h + b_{{down}}\right) + b_{{up}}"
    down = rf"\underbrace{{W_{{down}}}}_{{{m} \times {d}}}\,h + \underbrace{{b_{{down}}}}_{{{m}}}"
    up = rf"\underbrace{{W_{{up}}}}_{{{d} \times {m}}}\,{act}\!\left({down}\right) + \underbrace{{b_{{up}}}}_{{{d}}}"
    return rf"A(h) = h + {s}{left}{detour}{right}", rf"h + {s}{left}{up}{right}"


def limit(base: BaseModel, config: AdapterConfig) -> Limit:
    """What the sub-layers hold that the adapters follow, and the bottleneck from which the adapters hold more."""
    a = base.architecture
    followed = a.blocks * (3 if a.gated else 2) * a.d_model * a.d_ff
    if config.placement == "houlsby":
        followed += a.blocks * 4 * a.d_model * a.inner_dim
    none, one = (
        count(a, config.model_copy(update={"bottleneck_dim": m})).trainable_parameters for m in (1, 2)
    )  # a straight line: b·m + the biases of the way up
    per_unit = one - none
    m = -(-(followed - (none - per_unit)) // per_unit)
    sentence = text("method/adapter", "break_even", m=f"{m:,}", full=f"{followed:,}")
    return Limit(followed, label("count", "followed_layers", full=f"{followed:,}"), sentence)
