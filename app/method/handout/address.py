"""Where a phone finds the screen that a handout is of: its address, and the same as a QR code."""

import segno
import streamlit as st
from markupsafe import Markup

from app import services

PLACES = ("section", "question", "figure", "present", "lesson", "stop", "run")  # in the address, and no settings
LONGEST = 600  # characters: a QR code of more is no longer read from paper


def address(page: str) -> str:
    """This page with its settings, as others reach it; without them where no camera would read so many."""
    query = {key: st.query_params.get_all(key) for key in st.query_params if key not in PLACES}
    whole = services.live.address_of(page, **query)
    return whole if len(whole) <= LONGEST else services.live.address_of(page)


def qr_code(found: str) -> Markup:
    """An SVG of the address."""
    return Markup(segno.make(found, error="m").svg_inline(border=2, omitsize=True, title=None, svgclass="qr"))
