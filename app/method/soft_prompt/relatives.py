"""What else can stand in front: the neighbours of prompt tuning, and which T5 can be told by a prompt at all."""

import streamlit as st

from app.content import label, text
from app.kit.formats import NOTHING
from app.method.soft_prompt import how_many
from peft_core.errors import PeftClassroomError
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.t5.architecture import Architecture, BaseModel

PAGE = "method/soft_prompt"
KINDS = ("hard", "p_tuning", "prompt", "prefix")


def draw(base: BaseModel, config: SoftPromptConfig) -> None:
    """A table, and the paper's warning."""
    st.markdown(text(PAGE, "relatives"))
    a, n = base.architecture, config.num_virtual_tokens
    numbers = counts(a, n)
    values = {"n": n, "vocabulary": a.vocab_size, "blocks": a.encoder_layers}
    heads = [label(PAGE, "relatives_what"), label(PAGE, "relatives_trains")]
    heads.append(label(PAGE, "relatives_numbers", base=base.name))
    lines = [f"| {' | '.join(heads)} |", "|:--|:--|--:|"]
    for kind in KINDS:
        count = f"{numbers[kind]:,}" if kind in numbers else NOTHING
        what, trains = text(PAGE, f"relative_{kind}", **values), text(PAGE, f"relative_{kind}_trains", **values)
        lines.append(f"| {what} | {trains} | {count} |")
    st.markdown("\n".join(lines))
    st.markdown(text(PAGE, "relatives_found", times=f"{numbers['prefix'] / numbers['prompt']:g}"))
    st.markdown(text(PAGE, "relatives_t5"))
    try:
        before = how_many.untrained(how_many.results())
    except PeftClassroomError:  # the section on lengths says what is wrong
        before = None
    if before:
        st.markdown(text(PAGE, "relatives_ours", base=how_many.BASE, untrained=f"{before.accuracy:.1%}"))


def counts(architecture: Architecture, n: int) -> dict[str, int]:
    """What trains of each kind. A prefix: n keys and n values in every self-attention of the encoder."""
    rows = n * architecture.d_model
    prefix = n * 2 * architecture.inner_dim * architecture.encoder_layers
    return {"hard": 0, "prompt": rows, "prefix": prefix}
