"""Buttons that save a file: one kind, which runs nothing else."""

from collections.abc import Callable
from threading import Thread
from typing import Literal

import streamlit as st
from streamlit.runtime import get_instance
from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

MADE = "made when pressed"  # coordinates of a file that belongs to no element: each session has its last one


def button(
    words: str,
    data: bytes | str | Callable[[], bytes | str],
    file: str,
    mime: str,
    key: str,
    icon: str = "download",
    kind: Literal["primary", "secondary", "tertiary"] = "secondary",
    width: Literal["content", "stretch"] = "content",
) -> None:
    """A button that saves `data`; a callable makes it when the button is pressed, in a thread without a session."""
    st.download_button(
        words, _kept(data, file, mime) if callable(data) else data, file, mime, key=key,
        icon=f":material/{icon}:", type=kind, width=width, on_click="ignore",
    )  # fmt: skip


def _kept(make: Callable[[], bytes | str], file: str, mime: str) -> Callable[[], bytes]:
    """`make`, and what it makes stays until its session's next move.

    By itself Streamlit gives such a file to nobody, and throws it away as soon as two scripts of any sessions have
    ended: in a class that is before the browser has fetched it.
    """
    session = get_script_run_ctx()

    def made() -> bytes:
        found, server = make(), get_instance()
        data = found.encode() if isinstance(found, str) else found
        if session and server.is_active_session(session.session_id):
            holding = Thread(target=server.media_file_mgr.add, args=(data, mime, MADE, file, True))
            add_script_run_ctx(holding, session)
            holding.start()
            holding.join()
        return data

    return made
