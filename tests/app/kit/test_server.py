"""The server around the script: Streamlit finds it in app/main.py; the queue moves on without an open page."""

import asyncio
import runpy
from pathlib import Path

import pytest
import streamlit as st
from streamlit.web.server.app_discovery import discover_asgi_app

from app import services
from app.kit.machine import server
from peft_core.errors import PeftClassroomError
from peft_core.paths import ROOT
from peft_core.serving.door import Door

SCRIPT = ROOT / "app" / "main.py"


@pytest.fixture(autouse=True)
def nowhere_else(monkeypatch, tmp_path):
    from streamlit import config

    monkeypatch.setenv("PEFT_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.delenv("PEFT_LOG", raising=False)
    monkeypatch.setattr(config, "_main_script_path", None)  # `st.App` sets it once for all


def test_streamlit_run_finds_the_server_in_the_script_and_the_script_behind_it():
    assert discover_asgi_app(SCRIPT).import_string == "main:server"
    found = runpy.run_path(str(SCRIPT), run_name="main")["server"]
    assert isinstance(found, st.App)
    assert found.script_path == SCRIPT
    assert [one.cls for one in found._user_middleware] == [Door]


def test_the_base_path_is_streamlits_and_the_class_is_named(monkeypatch):
    monkeypatch.setattr(st, "get_option", {"server.baseUrlPath": "/peft/"}.get)
    monkeypatch.setenv("PEFT_CLASS", "7b")
    (door,) = server.parts(__file__)["middleware"]
    assert (door.kwargs["base"], door.kwargs["class_name"]) == ("/peft", "7b")
    assert server.parts(__file__)["script_path"] == Path(__file__).resolve()


def test_somebody_looks_after_the_queue_while_the_server_runs_whatever_happens(monkeypatch, caplog):
    looks = []

    class Backend:
        def reconcile(self):
            looks.append(len(looks))
            if len(looks) < 3:
                raise (PeftClassroomError("The disk is full."), ZeroDivisionError())[len(looks) - 1]

    monkeypatch.setattr(services, "backend", Backend)
    monkeypatch.setattr(server, "SECONDS_BETWEEN_LOOKS", 0.001)

    async def run():
        async with server._lifespan(None):
            while len(looks) < 5:
                await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(run(), 20))
    assert caplog.text.count("cannot be looked after") == 2
