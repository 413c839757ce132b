"""Six questions about LoRA, one at a time: how strong, which matrices, which variant, why low, what start, how many."""

import streamlit as st

from app.content import label, text
from app.kit import url
from app.kit.formats import megabytes
from app.kit.machine.measured_on import measured_on
from app.kit.pages import script_of
from app.method.lora.choices import scaling, start, targets, variants
from peft_core.methods.lora.method import LoraConfig
from peft_core.report.costs.growth import load_growth
from peft_core.t5.architecture import BaseModel

PANE = "lora_question"  # in the URL


def draw(base: BaseModel, config: LoraConfig) -> None:
    """The chosen question alone."""
    titles = {name: label("lora_choices", name) for name in PANES}
    PANES[url.screen_of(PANE, label("lora_choices", "question"), titles)](base, config)


def _origin(base: BaseModel, config: LoraConfig) -> None:
    """Where the idea comes from, and where it is tested here."""
    st.markdown(text("lora_choices", "origin"))
    for name, lab in (("to_enough", "enough"), ("to_delta", "delta")):
        title = label("lora_choices", name)
        st.page_link(script_of("rank_lab"), label=title, icon=":material/science:", query_params={"lab": lab})
    st.caption(text("lora_choices", "origin_source"))


def _many(base: BaseModel, config: LoraConfig) -> None:
    """One base model, many LoRAs, and the memory they take; and what dropout does."""
    st.markdown(text("lora_choices", "many"))
    sweep = load_growth().serving["checkpoints"]
    most = max(row.checkpoints for row in sweep.rows)
    memory = {row.method.method: megabytes(row.resident) for row in sweep.rows if row.checkpoints == most}
    st.markdown(text("lora_choices", "many_memory", n=most, lora=memory["lora"], full=memory["full"]))
    st.caption(measured_on(sweep.provenance))
    st.markdown(text("lora_choices", "dropout"))


PANES = {
    "scaling": scaling.draw,
    "targets": targets.draw,
    "variants": variants.draw,
    "origin": _origin,
    "start": start.draw,
    "many": _many,
}
