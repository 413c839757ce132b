"""How phones come in: the QR code is the address, and the address is one that phones find."""

import re
from types import SimpleNamespace

import pytest
import segno

from app.kit.live import join
from app.services import live
from peft_core.errors import PeftClassroomError
from peft_core.serving.live import servers
from peft_core.serving.live.vote import Ballot


@pytest.fixture
def server(monkeypatch):
    """A server as it was started, and a browser in front of it."""

    def at(url="", headers=None, **options):
        options = {"server.port": 8501, "server.address": None, "server.baseUrlPath": "", "server.allowedHosts": []} | {
            f"server.{name}": value for name, value in options.items()
        }
        context = SimpleNamespace(url=url, headers=headers or {}, cookies={}, ip_address="127.0.0.1")
        monkeypatch.setattr(live, "st", SimpleNamespace(context=context, get_option=options.__getitem__))

    monkeypatch.setattr("peft_core.serving.start.own_address", lambda: "192.0.2.5")
    return at


@pytest.mark.parametrize(
    ("url", "options", "address"),
    [
        ("http://localhost:8501/vote", {}, "http://192.0.2.5:8501/vote?code=BCDF"),
        ("http://127.0.0.1:8501/", {"address": "127.0.0.1"}, "http://127.0.0.1:8501/vote?code=BCDF"),
        ("http://10.0.0.7:8501/lora", {}, "http://10.0.0.7:8501/vote?code=BCDF"),
        ("https://school.example/peft/", {"baseUrlPath": "peft"}, "https://school.example/peft/vote?code=BCDF"),
        (
            "http://localhost:8501/",
            {"allowedHosts": ["school.example", "127.0.0.1", "::1", "localhost"], "baseUrlPath": "/peft/"},
            "https://school.example/peft/vote?code=BCDF",
        ),
        (None, {}, "http://192.0.2.5:8501/vote?code=BCDF"),
    ],
)
def test_the_address_is_the_one_that_phones_find(server, url, options, address):
    server(url, **options)
    assert live.address_of("vote", code="BCDF") == address
    assert live.phones_find(live.address_of("vote")) is ("127.0.0.1" not in address)


def test_the_qr_code_is_the_address_dark_on_white():
    """Read back from the lines of the drawing, beside the library's own matrix."""
    address = "http://192.0.2.5:8501/vote?code=BCDF"
    drawn = join.qr_code(address)
    matrix = [list(row) for row in segno.make(address, error="m").matrix_iter(border=3)]
    size = len(matrix)
    assert f'viewBox="0 0 {size} {size}"' in drawn and "script" not in drawn
    assert re.search(r'fill="#fff(fff)?"', drawn) and re.search(r'stroke="#000(000)?"', drawn)
    seen = [[0] * size for _ in range(size)]
    x = y = 0.0
    for kind, numbers in re.findall(r"([Mmh])\s*([-\d. ]+)", drawn[drawn.index('stroke="#000') :]):
        values = [float(number) for number in numbers.split()]
        if kind == "h":
            for column in range(int(x), int(x + values[0])):
                seen[int(y)][column] = 1
            x += values[0]
        else:
            x, y = (values[0], values[1]) if kind == "M" else (x + values[0], y + values[1])
    assert seen == matrix


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({"host": "192.0.2.5:8501"}, False),  # this server's own port: no other stands behind it
        ({"host": "[::1]:8501"}, False),
        ({"host": "school.example", "x-forwarded-for": "192.0.2.9"}, True),
        ({"host": "127.0.0.1:8501", "x-forwarded-for": "192.0.2.9"}, True),
        ({"host": "peft_classroom"}, True),  # nginx, which says nothing of itself
        ({"host": "school.example:x"}, True),
        ({}, True),
    ],
)
def test_where_several_servers_share_an_address_a_vote_is_refused(server, monkeypatch, tmp_path, headers, refused):
    monkeypatch.setattr(servers, "runs_dir", lambda: tmp_path)
    monkeypatch.setattr(live, "may_start", lambda: True)
    monkeypatch.setattr(live, "owner", lambda: "ann")
    live.votes.clear()
    server(headers=headers)
    ballot = Ballot("Which?", ("a", "b"))
    assert live.ask_the_class(ballot).tally().number == 1  # one server alone
    other = servers.Servers(name="another")
    other.sign_on()
    try:
        if refused:
            with pytest.raises(PeftClassroomError, match="2 servers share this address"):
                live.ask_the_class(ballot)
        else:
            live.ask_the_class(Ballot("Next?", ("a", "b")))
    finally:
        other.sign_off()
        live.votes.clear()
