"""The server around the app's script: what every request passes, and what minds the queue.

The services are imported when it has started: Streamlit's caches ask for its runtime.
"""

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

import streamlit as st
import streamlit.logger
from starlette.middleware import Middleware

from app.content import labels
from peft_core.errors import PeftClassroomError
from peft_core.serving.at_once import send_at_once
from peft_core.serving.door import Door
from peft_core.serving.health import Health
from peft_core.serving.keys import Keys
from peft_core.serving.lines import in_json, log_as_json
from peft_core.serving.live.servers import Servers
from peft_core.training.runs import RunStore

SECONDS_BETWEEN_LOOKS = 2.0
_log = logging.getLogger("peft_core.serving")


def parts(script: str) -> dict[str, object]:
    """The arguments of `st.App` for this script."""
    if os.environ.get("PEFT_LOG") == "json":
        _every_logger_in_json()
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    door = Middleware(
        Door,
        keys=Keys(),
        health=Health(RunStore(), _at_once),
        base=f"/{base}" if base else "",
        words=labels("door") | {"app": labels("app")["title"]},
        class_name=os.environ.get("PEFT_CLASS", ""),
    )
    return {"script_path": Path(script).resolve(), "middleware": [door], "lifespan": _lifespan}


def _at_once() -> int:
    """How many may train at a time, as the backend knows it now: a cluster may have grown."""
    from app.services import backend

    return backend().max_running


@asynccontextmanager
async def _lifespan(_: object) -> AsyncIterator[None]:
    """While the server runs somebody minds the queue, also when no page is open."""
    send_at_once()  # it listens already
    servers = Servers()
    servers.sign_on()
    tasks = [asyncio.create_task(_mind_the_queue()), asyncio.create_task(_get_ready())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        servers.sign_off()


async def _get_ready() -> None:
    """What the first to ask would wait for is done once the libraries are in, in a moment of rest."""
    await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    ready = await asyncio.to_thread(import_module, "app.services.ready")
    while not ready.IMPORTED.is_set():
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    threading.Thread(target=ready.get_ready, name="gets ready", daemon=True).start()  # nobody's end waits for it


def _look() -> None:
    from app.services import backend  # takes a moment, in a thread: the server answers meanwhile

    backend().reconcile()


async def _mind_the_queue() -> None:
    while True:
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        try:
            await asyncio.to_thread(_look)
        except PeftClassroomError as error:  # the folder cannot be written: pages say so, too
            _log.warning("The queue cannot be looked after.", extra={"fields": {"why": str(error)}})
        except Exception:
            _log.exception("The queue cannot be looked after.")


def _every_logger_in_json() -> None:
    """Streamlit's loggers too, which each get a handler of their own when they are made.

    What a page raises, Streamlit would print by rich, past its loggers, with messages that may quote a review.
    """
    st.set_option("logger.enableRich", False)
    usual = streamlit.logger.setup_formatter

    def with_lines(logger: logging.Logger) -> None:
        usual(logger)
        in_json(logger)

    streamlit.logger.setup_formatter = with_lines
    log_as_json()
