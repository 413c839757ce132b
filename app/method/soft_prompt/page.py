"""Soft prompt: trainable rows in front of the review."""

import streamlit as st

from app.content import glossary, label, text
from app.kit import stops
from app.kit.length import tokens_read
from app.method import skeleton
from app.method.count.count_chart import Knob
from app.method.sheet import show_all
from app.method.soft_prompt import choices, picture, start
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.t5.architecture import BaseModel

MAX_TOKENS = 200


def controls(base: BaseModel) -> SoftPromptConfig:
    """What the class moves. All of it is in the URL."""
    default = SoftPromptConfig()
    told = glossary()["virtual token"]
    n = stops.number("prompt_n", label("count", "n"), stops.powers(MAX_TOKENS), default.num_virtual_tokens, told)
    init = st.radio(
        label("count", "prompt_init"), list(start.STARTS), key="prompt_init", bind="query-params",
        captions=[label("method/soft_prompt", f"start_{name}") for name in start.STARTS],
        help=label("count", "help_prompt_init"),
    )  # fmt: skip
    return SoftPromptConfig(num_virtual_tokens=n, **start.STARTS[init])


def idea(base: BaseModel, config: SoftPromptConfig) -> None:
    """The concrete number first, then the picture."""
    n, d = config.num_virtual_tokens, base.architecture.d_model
    st.markdown(
        text("method/soft_prompt", "idea", base=base.name, n=n, d=d, nd=n * d, vocabulary=base.architecture.vocab_size)
    )
    show_all(picture.pictures(base, config))


def formula(base: BaseModel, config: SoftPromptConfig) -> tuple[str, ...]:
    """In symbols, then with this page's values in it."""
    n, d = config.num_virtual_tokens, base.architecture.d_model
    both = rf"\Big[\underbrace{{P}}_{{{n} \times {d}}}\,;\,\underbrace{{E(x)}}_{{T \times {d}}}\Big]"
    rows = r"\left[\,P_1;\,\dots;\,P_n;\,E(x_1);\,\dots;\,E(x_T)\,\right]"
    return rows, rf"\underbrace{{{both}}}_{{({n}+T) \times {d}}}"


def maths(base: BaseModel, config: SoftPromptConfig) -> None:
    """The formula, and what its letters stand for."""
    n, d, longest = config.num_virtual_tokens, base.architecture.d_model, tokens_read()
    skeleton.latex(formula(base, config))
    st.markdown(text("method/soft_prompt", "shapes", n=n, d=d, longest=longest, sum=n + longest))
    start.draw(base, config)
    st.caption(text("method/soft_prompt", "source"))


skeleton.draw(
    skeleton.MethodPage(
        "soft_prompt",
        controls,
        idea,
        maths,
        pictures=picture.pictures,
        formula=formula,
        knob=Knob("num_virtual_tokens", label("count", "n"), 1, MAX_TOKENS),
        more={"choices": choices.draw},
    )
)
