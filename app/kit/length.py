"""How many tokens of a review are read: on a method's page one number for all its sections, which is set on Train."""

import streamlit as st

from app.kit import url
from peft_core.config import PRESETS

KEY = "max_length"  # of the widget on Train, and in a link
STOPS = (64, 128, 160, 192, 256, 320)
USUAL = PRESETS["minute"].max_length


def tokens_read() -> int:
    """What Train would take; a link's number before its form has been drawn."""
    asked = str(st.query_params.get(KEY) if url.to_be_read(KEY) else st.session_state[KEY])
    return int(asked) if asked.isdecimal() and int(asked) in STOPS else USUAL
