"""Who is offered what, and the address that a phone is sent to."""

import pytest
import streamlit as st

from app import services
from app.content import head
from app.method.handout.address import LONGEST, address


@pytest.mark.parametrize(("teacher", "has_one", "offered"), [(False, False, 2), (False, True, 1), (True, True, 2)])
def test_the_answers_are_the_teachers_where_there_is_one(open_page, monkeypatch, teacher, has_one, offered):
    monkeypatch.setattr(services, "is_teacher", lambda: teacher)
    monkeypatch.setattr(services, "has_teacher", lambda: has_one)
    app = open_page("ia3", section="code")
    names = [button.label for button in app.get("download_button")]
    assert [name for name in names if name in head("handout").values()] == list(head("handout").values())[-2:][:offered]


@pytest.fixture
def seen(monkeypatch):
    """The browser's address, and how the server was started."""

    def as_if(url, query=None, **options):
        settings = {"server.port": 8501, "server.baseUrlPath": "", "server.address": None, "server.allowedHosts": []}
        settings |= {name.replace("_", ".", 1): value for name, value in options.items()}
        query = query or {}
        many = {key: value if isinstance(value, list) else [value] for key, value in query.items()}
        params = type("Params", (dict,), {"get_all": lambda self, key: many[key]})(many)
        stand_in = type("Context", (), {"url": url})()
        monkeypatch.setattr(st, "context", stand_in)
        monkeypatch.setattr(st, "query_params", params)
        monkeypatch.setattr(st, "get_option", settings.__getitem__)

    yield as_if
    assert st is services.live.st


def test_it_has_the_settings_of_the_page_and_not_where_somebody_is_on_it(seen):
    query = {"base": "t5-small", "lora_r": "4", "lora_targets": ["q", "v"], "section": "code", "present": "1"}
    seen("http://10.0.0.7:8501/lora", query | {"lesson": "one", "stop": "3", "question": "2"})
    assert address("lora") == "http://10.0.0.7:8501/lora?base=t5-small&lora_r=4&lora_targets=q&lora_targets=v"


def test_on_the_servers_own_machine_it_is_the_address_of_the_class(seen, monkeypatch):
    seen("http://localhost:8501/lora", server_allowedHosts=["school.example", "localhost"], server_baseUrlPath="peft")
    assert address("lora") == "https://school.example/peft/lora"
    monkeypatch.setattr("peft_core.serving.start.own_address", lambda: "192.168.1.5")
    seen("http://127.0.0.1:8501/lora", server_address="0.0.0.0")
    assert address("lora") == "http://192.168.1.5:8501/lora"
    seen("http://127.0.0.1:8501/lora", server_address="127.0.0.1")
    assert not services.live.phones_find(address("lora"))  # it says so: nobody else can reach this server


def test_what_no_camera_would_read_is_left_out(seen):
    seen("http://10.0.0.7:8501/lora", {"x": "y" * LONGEST})
    assert address("lora") == "http://10.0.0.7:8501/lora"
