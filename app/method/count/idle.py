"""What of a run cannot learn: one sentence, wherever its count is shown, for every method that has such numbers."""

import streamlit as st

from app import services
from app.content import text
from app.kit.formats import share
from peft_core.methods.method import MethodConfig
from peft_core.t5.architecture import BaseModel


def draw(base: BaseModel, config: MethodConfig) -> None:
    """Nothing where everything that trains can learn, or torch is still being imported."""
    audit = services.numel(base, config)
    if audit is None or not audit.numel_idle:
        return
    values = {"idle": f"{audit.numel_idle:,}", "of": f"{audit.numel_trainable:,}"}
    st.markdown(text("common", "idle", share=share(audit.numel_idle / audit.numel_trainable), **values))
