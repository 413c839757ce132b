"""Where a phone finds the screen that a handout is of: its address, and the same as a QR code."""

from urllib.parse import urlencode, urlsplit

import segno
import streamlit as st
from markupsafe import Markup

from peft_core.serving.start import LOOPBACK, Service

PLACES = ("section", "question", "figure", "present", "lesson", "stop", "run")  # in the address, and no settings
LONGEST = 600  # characters: a QR code of more is no longer read from paper


def address(page: str) -> str:
    """This page with its settings, as others reach it.

    A browser at the server's own machine calls it by a name that a phone would take for itself: then the class's.
    """
    query = {key: st.query_params.get_all(key) for key in st.query_params if key not in PLACES}
    written = urlencode(query, doseq=True)
    whole = f"{_server()}{page}"
    return f"{whole}?{written}" if written and len(whole) + len(written) < LONGEST else whole


def is_of_one_machine(found: str) -> bool:
    """Whether an address leads anywhere from another machine than the server's."""
    return urlsplit(found).hostname in LOOPBACK


def _server() -> str:
    hosts = tuple(name for name in st.get_option("server.allowedHosts") or () if name not in LOOPBACK)
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    seen = urlsplit(st.context.url or "")
    if not hosts and seen.hostname and seen.hostname not in LOOPBACK:
        return f"{seen.scheme}://{seen.netloc}/{f'{base}/' if base else ''}"
    bind = st.get_option("server.address") or "0.0.0.0"
    return Service(bind=bind, port=st.get_option("server.port"), base_path=base, hosts=hosts).address


def qr_code(found: str) -> Markup:
    """An SVG of the address."""
    return Markup(segno.make(found, error="m").svg_inline(border=2, omitsize=True, title=None, svgclass="qr"))
