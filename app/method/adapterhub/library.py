"""What surprises in the library: rounding, a line that trains more than it says, names that moved, how to share."""

from functools import partial

import streamlit as st

from app.content import label, text
from app.kit import url
from app.method import screens
from app.method.adapterhub.factor import KEY, bottleneck, one_too_small
from peft_core.counting.by_hand import base_lines, count
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.t5.architecture import BaseModel

LISTED = 12  # widths of the trap that are named


def rounding(base: BaseModel, config: AdapterConfig) -> None:
    """From factor to width, and from a wished width to a factor and back: rounding down can cost one."""
    d, factor = base.architecture.d_model, st.session_state[KEY]
    m, found = bottleneck(d, factor), one_too_small(d)
    st.markdown(text("method/adapterhub", "rounding", d=d, factor=factor, quotient=f"{d / factor:.4g}", m=m))
    name = label("method/adapterhub", "wish")
    url.clamp("hub_wish", name, 1, d // 2)
    wish = url.bounded_number("hub_wish", name, 1, d // 2, found[0] if found else 8)
    got = bottleneck(d, d / wish)
    code = f">>> reduction_factor = {d} / {wish}\n>>> reduction_factor\n{d / wish!r}\n>>> int({d} // reduction_factor)"
    st.code(f"{code}\n{got}", language="python")
    st.markdown(text("method/adapterhub", "rounding_lost" if got < wish else "rounding_kept", wish=wish, got=got))
    named = ", ".join(map(str, found[:LISTED]))
    section = "rounding_trap" if found else "rounding_safe"
    st.markdown(text("method/adapterhub", section, d=d, base=base.name, k=len(found), half=d // 2, named=named))


def train_adapter(base: BaseModel, config: AdapterConfig) -> None:
    """The report's line, and what it would train today."""
    st.markdown(text("method/adapterhub", "train_adapter"))
    st.code(
        'model.add_adapter("text-classification", adapter_config)\n'
        'model.train_adapter("text-classification", adapter_config)',
        language="python",
    )
    adapters = count(base.architecture, config).trainable_parameters
    embedding = next(line.value for line in base_lines(base.architecture) if line.part.kind == "embedding")
    values = {"base": base.name, "adapters": adapters, "embedding": embedding, "sum": adapters + embedding}
    st.markdown(text("method/adapterhub", "train_adapter_found", **values))
    st.code('model.train_adapter("text-classification")', language="python")
    st.caption(text("method/adapterhub", "train_adapter_source"))


def names(base: BaseModel, config: AdapterConfig) -> None:
    """One project, two packages, and which name is which."""
    st.markdown(text("method/adapterhub", "moved"))


def sharing(base: BaseModel, config: AdapterConfig) -> None:
    """A folder out, a folder in, and several at once."""
    st.markdown(text("method/adapterhub", "sharing"))


SCREENS = {"rounding": rounding, "train_adapter": train_adapter, "names": names, "sharing": sharing}
draw = partial(screens.draw, "adapterhub", "surprise", SCREENS)
