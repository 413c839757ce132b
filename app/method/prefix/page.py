"""Prefix: trained keys and values in front of the decoder's own."""

import streamlit as st

from app.content import glossary, label, text
from app.kit import stops
from app.method import skeleton
from app.method.count.count_chart import Knob
from app.method.prefix import pairs, picture
from app.method.sheet import show_all
from peft_core.methods.prefix.method import PrefixConfig
from peft_core.t5.architecture import BaseModel

PAGE = "method/prefix"
MAX_TOKENS = 200
STARTS = ("random", "zero")


def controls(base: BaseModel) -> PrefixConfig:
    """What the class moves. All of it is in the URL."""
    default = PrefixConfig()
    told = glossary()["virtual token"]
    n = stops.number("prefix_n", label("count", "n"), stops.powers(MAX_TOKENS), default.num_virtual_tokens, told)
    start = st.radio(
        label("count", "prompt_init"), STARTS, key="prefix_init", bind="query-params",
        captions=[label(PAGE, f"start_{name}") for name in STARTS],
        help=label("count", "help_prompt_init"),
    )  # fmt: skip
    return PrefixConfig(num_virtual_tokens=n, prompt_init=start)


def idea(base: BaseModel, config: PrefixConfig) -> None:
    """One key, or n + 1: the concrete numbers first, then the picture."""
    a, n = base.architecture, config.num_virtual_tokens
    values = {"base": base.name, "blocks": a.decoder_layers, "n": n, "keys": n + 1, "size": a.inner_dim}
    st.markdown(text(PAGE, "idea", even=n / (n + 1), **values))
    show_all(picture.pictures(base, config))


def formula(base: BaseModel, config: PrefixConfig) -> tuple[str, ...]:
    """In symbols, then with this page's values in it."""
    n, size = config.num_virtual_tokens, base.architecture.inner_dim
    whole = r"h = W_o\,\Big(\mathrm{softmax}\big(q\,[P_k;\,k]^\top + b\big)\,[P_v;\,v]\Big)"
    keys, values = (
        rf"\Big[\underbrace{{P_{side}}}_{{{n} \times {size}}};\,\underbrace{{{side}}}_{{1 \times {size}}}\Big]"
        for side in "kv"
    )
    return whole, rf"{keys} \quad {values}"


def maths(base: BaseModel, config: PrefixConfig) -> None:
    """The formula, and what its letters stand for."""
    a, n = base.architecture, config.num_virtual_tokens
    skeleton.latex(formula(base, config))
    st.markdown(text(PAGE, "shapes", heads=a.num_heads, d_kv=a.d_kv, n=n, keys=n + 1))
    st.markdown(text(PAGE, "initialisation"))
    st.caption(text(PAGE, "source"))


skeleton.draw(
    skeleton.MethodPage(
        "prefix",
        controls,
        idea,
        maths,
        pictures=picture.pictures,
        formula=formula,
        knob=Knob("num_virtual_tokens", label("count", "n"), 1, MAX_TOKENS),
        more={"prefix_read": pairs.draw},
    )
)
