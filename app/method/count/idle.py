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
    if audit is None:
        return
    for why, numbers in (("idle", audit.numel_idle), ("unread", audit.numel_unread)):
        if numbers:
            values = {"idle": f"{numbers:,}", "of": f"{audit.numel_trainable:,}"}
            st.markdown(text("common", why, share=share(numbers / audit.numel_trainable), **values))
