"""What every request passes: a cookie for a browser, the class password, the teacher's key, numbers of the server."""

import json
import logging
import re

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from app.content import labels
from peft_core.config import RunConfig, TrainConfig
from peft_core.serving import keys as module
from peft_core.serving.door import TRIES, Door
from peft_core.serving.health import Health
from peft_core.serving.keys import Keys
from peft_core.serving.lines import JsonLines
from peft_core.training.runs import Orders, RunStore, new_spec, write_orders

PAGE = {"accept": "text/html,*/*", "sec-fetch-mode": "navigate", "sec-fetch-site": "none", "sec-fetch-dest": "document"}
SENT = PAGE | {"sec-fetch-site": "same-origin"}  # a form of ours
FRAMED = PAGE | {"sec-fetch-site": "cross-site", "sec-fetch-dest": "iframe"}
PROXIED = {"x-forwarded-for": "192.0.2.7"}


@pytest.fixture
def keys(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_SCRYPT", {"n": 2, "r": 1, "p": 1})
    return Keys(tmp_path / "runs" / ".server")


@pytest.fixture
def browser(keys, tmp_path):
    """Make browsers before one server, whose app answers its path; `address` is the client's as the server sees it."""
    servers = {}  # one for each base path

    async def answer(request):
        return PlainTextResponse(f"app {request.url.path}")

    async def stream(websocket):
        await websocket.accept()
        await websocket.close()

    def make(base="", address="192.0.2.1", url="http://school.example", class_name=""):
        if base not in servers:
            words = labels("door") | {"app": "PEFT Classroom"}
            health = Health(RunStore(tmp_path / "runs"), lambda: 2)
            options = {"keys": keys, "health": health, "base": base, "words": words, "class_name": class_name}
            routes = [
                Route("/{rest:path}", answer, methods=["GET", "POST", "PUT"]),
                WebSocketRoute("/{rest:path}", stream),
            ]
            servers[base] = Starlette(routes=routes, middleware=[Middleware(Door, **options)])
        return TestClient(servers[base], base_url=url, client=(address, 5000), follow_redirects=False)

    return make


def can_connect(client, path="/_stcore/stream"):
    try:
        with client.websocket_connect(f"ws://{client.base_url.host}{path}"):
            return True
    except WebSocketDisconnect:
        return False


def attributes(answer):
    """The cookies that an answer sets: name → its attributes."""
    lines = answer.headers.get_list("set-cookie")
    return {line.split("=")[0]: {part.strip() for part in line.split(";")[1:]} for line in lines}


def test_a_browser_gets_one_cookie_for_all_its_pages_and_another_browser_another_one(browser, keys):
    ann, bob = browser(), browser()
    first = ann.get("/lora?lora_r=4", headers=PAGE)
    assert first.text == "app /lora"
    assert attributes(first) == {"peft_visitor": {"Path=/", "Max-Age=34560000", "HttpOnly", "SameSite=Lax"}}
    assert attributes(ann.get("/", headers=PAGE)) == {}
    bob.get("/", headers=PAGE)
    visitors = [keys.visitor(client.cookies["peft_visitor"]) for client in (ann, bob)]
    assert None not in visitors
    assert len(set(visitors)) == 2


def test_what_a_page_loads_and_what_a_program_asks_gets_no_cookie(browser):
    for headers in ({}, {"accept": "*/*"}, {"accept": "text/html", "sec-fetch-mode": "cors"}):
        assert attributes(browser().get("/static/a.js", headers=headers)) == {}


def test_a_forged_cookie_is_replaced(browser, keys):
    client = browser()
    client.cookies.set("peft_visitor", "forged")
    assert set(attributes(client.get("/", headers=PAGE))) == {"peft_visitor"}


def test_the_cookie_is_for_this_path_and_secure_behind_tls_and_stays_in_a_frame_of_another_site(browser):
    assert "Path=/peft" in attributes(browser(base="/peft").get("/peft/lora", headers=PAGE))["peft_visitor"]
    secure = browser(url="https://school.example")
    assert {"Secure", "SameSite=Lax"} <= attributes(secure.get("/", headers=PAGE))["peft_visitor"]
    kept = attributes(browser(url="https://school.example").get("/", headers=FRAMED))["peft_visitor"]
    assert {"Secure", "SameSite=None", "Partitioned", "HttpOnly"} <= kept


def test_without_a_password_everything_is_open(browser):
    assert can_connect(browser())
    assert browser().put("/_stcore/upload_file/1", content=b"x").status_code == 200
    assert browser().get("/enter", headers=PAGE).text == "app /enter"
    assert browser().get("/teacher", headers=PAGE).text == "app /teacher"


def test_before_the_password_nothing_of_the_app_is_answered(browser, keys):
    keys.set_password("open sesame")
    client = browser(class_name="7b <script>")
    page = client.get("/lora?lora_r=4", headers=PAGE)
    assert page.status_code == 401
    assert "app /lora" not in page.text
    assert "7b &lt;script&gt;" in page.text
    assert 'value="/lora?lora_r=4"' in page.text
    assert not can_connect(client)
    assert client.put("/_stcore/upload_file/1", content=b"x").status_code == 401
    assert client.get("/static/js/index.js").text == "app /static/js/index.js"  # Streamlit's, the same everywhere
    assert client.get("/media/a.png").status_code == 401
    assert client.get("/_stcore/health").text == "app /_stcore/health"  # for whoever watches the server
    entered = client.post("/enter", data={"word": "open sesame", "after": "/lora?lora_r=4"}, headers=SENT)
    assert (entered.status_code, entered.headers["location"]) == (303, "/lora?lora_r=4")
    assert attributes(entered)["peft_class"] >= {"HttpOnly", "SameSite=Lax"}
    assert client.get("/lora", headers=PAGE).text == "app /lora"
    assert can_connect(client)
    assert not can_connect(browser())


def test_with_a_base_path_too(browser, keys):
    keys.set_password("open sesame")
    client = browser(base="/peft")
    assert 'action="/peft/enter"' in client.get("/peft/lora", headers=PAGE).text
    entered = client.post("/peft/enter", data={"word": "open sesame"}, headers=SENT)
    assert entered.headers["location"] == "/peft/"
    assert client.get("/peft/lora", headers=PAGE).text == "app /peft/lora"
    assert client.get("/peft/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(
    "after", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nset-cookie: x=y", ""]
)
def test_a_form_leads_to_no_other_site(browser, keys, after):
    keys.set_password("open sesame")
    client = browser()
    client.get("/", headers=PAGE)
    entered = client.post("/enter", data={"word": "open sesame", "after": after}, headers=SENT)
    assert (entered.status_code, entered.headers["location"]) == (303, "/")


def test_a_form_of_another_site_or_of_no_browser_is_refused_whatever_it_says(browser, keys):
    keys.set_password("open sesame")
    client = browser()
    client.get("/", headers=PAGE)
    forged = ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"})
    for headers in (*(SENT | one for one in forged), {"accept": "text/html", "origin": "http://evil.example"}):
        assert client.post("/enter", data={"word": "open sesame"}, headers=headers).status_code == 400
    assert "open for too long" in browser().post("/enter", data={"word": "open sesame"}, headers=SENT).text
    assert client.post("/enter", content=b"word=open+sesame&x=" + b"x" * 10_000, headers=SENT).status_code == 403


@pytest.mark.parametrize(("path", "right"), [("/enter", "open sesame"), ("/teacher", None)])
def test_who_is_wrong_too_often_waits_and_then_the_right_word_is_refused_too(browser, keys, path, right):
    keys.set_password("open sesame")
    right = right or keys.teacher_key()
    client = browser()
    client.get("/", headers=PAGE)
    most, _ = TRIES["browser"]
    answers = [client.post(path, data={"word": "wrong"}, headers=SENT) for _ in range(most)]
    assert [one.status_code for one in answers] == [403] * most
    refused = client.post(path, data={"word": right}, headers=SENT)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    other = browser()
    other.get("/", headers=PAGE)
    assert other.post(path, data={"word": right}, headers=SENT).status_code == 303


def test_who_throws_the_cookie_away_waits_by_the_address(browser, keys):
    keys.set_password("open sesame")
    most, _ = TRIES["address"]
    for _ in range(most):
        client = browser(address="192.0.2.9")
        client.get("/", headers=PAGE)
        assert client.post("/enter", data={"word": "wrong"}, headers=SENT).status_code == 403
    client = browser(address="192.0.2.9")
    client.get("/", headers=PAGE)
    assert client.post("/enter", data={"word": "open sesame"}, headers=SENT).status_code == 429


def test_the_teachers_key_opens_the_class_until_the_teacher_leaves(browser, keys):
    keys.set_password("open sesame")
    key = keys.teacher_key()
    client = browser()
    form = client.get("/teacher", headers=PAGE)
    assert "frame-ancestors 'none'" in form.headers["content-security-policy"]
    opened = client.post("/teacher", data={"word": key}, headers=SENT)
    assert (opened.status_code, opened.headers["location"]) == (303, "/classroom")
    assert {"HttpOnly", "SameSite=Strict", "Max-Age=43200"} <= attributes(opened)["peft_teacher"]
    assert key not in str(opened.headers)
    assert client.get("/classroom", headers=PAGE).text == "app /classroom"  # no class password for the teacher
    assert client.get("/teacher", headers=PAGE).headers["location"] == "/classroom"
    keys.leave(keys.visitor(client.cookies["peft_visitor"]))
    assert client.get("/teacher", headers=PAGE).status_code == 200  # asked again
    assert client.get("/lora", headers=PAGE).text == "app /lora"  # still in the class


@pytest.mark.parametrize(
    ("address", "url", "headers", "seen"),
    [
        ("127.0.0.1", "http://127.0.0.1:8501", {}, True),
        ("::1", "http://localhost:8501", {}, True),
        ("::ffff:127.0.0.1", "http://localhost:8501", {}, True),
        ("::ffff:192.0.2.1", "http://localhost:8501", {}, False),
        ("192.0.2.1", "http://127.0.0.1:8501", {}, False),  # says that it asked for this machine
        ("127.0.0.1", "http://school.example", {}, False),  # a proxy that keeps the name
        ("127.0.0.1", "http://127.0.0.1:8501", PROXIED, False),
        ("127.0.0.1", "http://127.0.0.1:8501", {"forwarded": "for=192.0.2.7"}, False),
    ],
)
def test_the_numbers_of_the_server_are_for_its_own_machine(browser, keys, address, url, headers, seen):
    client = browser(address=address, url=url)
    assert ("versions" in client.get("/healthz", headers=headers).json()) is seen
    assert (client.get("/metrics", headers=headers).status_code == 200) is seen
    for path in ("/_stcore/metrics", "/_stcore/agent/interact"):
        assert (client.get(path, headers=headers).status_code == 200) is seen


def test_prometheus_elsewhere_sends_the_teachers_key(browser, keys):
    client = browser()
    key = keys.teacher_key()
    assert client.get("/metrics", headers={"authorization": f"Bearer {key}"}).status_code == 200
    most, _ = TRIES["address"]
    wrong = [client.get("/metrics", headers={"authorization": f"Bearer {n}"}).status_code for n in range(most)]
    assert set(wrong) == {404}
    assert client.get("/metrics", headers={"authorization": f"Bearer {key}"}).status_code == 404  # too many were wrong


def test_health_and_metrics_count_the_runs_that_there_are(browser, tmp_path):
    store = RunStore(tmp_path / "runs")
    config = RunConfig(base="tiny-t5", method="lora", train=TrainConfig(max_seconds=60))
    for _ in range(3):
        store.create(new_spec(config, "ann"))
    client = browser(address="127.0.0.1", url="http://127.0.0.1")
    health = client.get("/healthz").json()
    assert health["queue"] == {"waiting": 3, "paused": False}
    assert health["workers"] == {"training": 0, "at_once": 2}
    assert health["runs"]["queued"] == 3
    assert health["disk"]["free_bytes"] > 0
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", health["versions"]["streamlit"])
    text = client.get("/metrics").text
    assert 'peft_classroom_runs{state="queued"} 3.0' in text
    assert "peft_classroom_workers 2.0" in text
    assert "peft_classroom_answer_seconds_bucket" in text
    write_orders(store.root, Orders(paused=True))
    assert client.get("/healthz").json()["queue"] == {"waiting": 3, "paused": True}
    assert "peft_classroom_workers 0.0" in client.get("/metrics").text


def test_the_log_names_pages_and_browsers_by_a_few_letters_and_nothing_that_was_typed(browser, keys, caplog):
    caplog.set_level(logging.INFO)
    keys.set_password("open sesame")
    client = browser()
    client.get("/playground?review=a+wonderful+film", headers=PAGE)
    client.post("/enter", data={"word": "my other password"}, headers=SENT)
    client.post("/enter", data={"word": "open sesame"}, headers=SENT)
    lines = [json.loads(JsonLines().format(one)) for one in caplog.records if one.name.startswith("peft_core.serving")]
    assert ("page", "/playground") in [(line["event"], line.get("path")) for line in lines]
    assert {"wrong", "enter"} <= {line["event"] for line in lines}
    written = json.dumps(lines)
    visitor = keys.visitor(client.cookies["peft_visitor"])
    for secret in ("wonderful", "sesame", "my other", visitor):
        assert secret not in written
