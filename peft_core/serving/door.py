"""What every request passes before it reaches the app: ASGI middleware, so that cookies can be set at all.

A browser that opens a page gets a cookie of its own. Where the class has a password nothing else is answered before it
is given, websockets and uploads included; only Streamlit's scripts are, which are no secret. Where there is a teacher's
key, `/teacher` asks for it. `/healthz` says how the server is, `/metrics` says it to Prometheus; Streamlit's own
numbers and its programming interface are for the same callers as the latter: this machine and the teacher.
"""

import logging
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from anyio import to_thread
from jinja2 import Environment, FileSystemLoader
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response

from peft_core.serving.health import Health
from peft_core.serving.keys import CLASS, TEACHER, TEACHER_SECONDS, VISITOR, VISITOR_SECONDS, Keys, short
from peft_core.serving.start import LOOPBACK
from peft_core.serving.tries import Tries

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY = 4096  # bytes of a form
TRIES = {"browser": (5, 60.0), "address": (60, 60.0)}  # wrong answers within seconds; a school has one address
OPEN = ("/static/",)  # Streamlit's own scripts, the same everywhere; an open page goes on loading them
INTERNAL = ("/_stcore/metrics", "/_stcore/agent")
PASSED_ON = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")  # what a proxy adds
_pages = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
_log = logging.getLogger("peft_core.serving")


class Door:
    """The middleware.

    Args:
        base: the path under which the app is reached, "" or "/name".
        words: what the two forms say, by name.
        class_name: shown above them.
    """

    def __init__(
        self, app: "ASGIApp", *, keys: Keys, health: Health, base: str, words: Mapping[str, str], class_name: str = ""
    ) -> None:
        self.app, self.keys, self.health = app, keys, health
        self.base, self.words, self.class_name = base, words, class_name
        self._tries = {kind: Tries(*bounds) for kind, bounds in TRIES.items()}

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        asked = Asked(HTTPConnection(scope), self.keys, self.base)
        if scope["type"] == "websocket":
            if not asked.may_enter:
                await receive()
                return await send({"type": "websocket.close", "code": 1008})
            return await self.app(scope, receive, send)
        if asked.is_page and not asked.had_cookie:
            asked.visitor = self.keys.new_visitor()
            send = asked.with_cookie(send, VISITOR, self.keys.visitor_cookie(asked.visitor), VISITOR_SECONDS)
        answer = await self._answer(asked, Request(scope, receive))
        if asked.is_page:
            _log.info("page", extra={"fields": {"path": asked.path, "browser": short(asked.visitor)}})
        await (answer or self.app)(scope, receive, send)

    async def _answer(self, asked: "Asked", request: Request) -> Response | None:
        """What is answered here; None: the app answers."""
        if asked.path == "/healthz":
            return JSONResponse(self.health.full() if asked.is_operator else self.health.short())
        if asked.path == "/metrics" and (asked.is_operator or await self._has_key(asked, request)):
            return PlainTextResponse(self.health.metrics(), media_type="text/plain; version=0.0.4")
        if asked.path == "/metrics" or (asked.path.startswith(INTERNAL) and not asked.is_operator):
            return PlainTextResponse("Not here.", 404)
        if asked.path == "/_stcore/health" or asked.path.startswith(OPEN):
            return None
        if asked.path == "/teacher" and self.keys.has_teacher:
            return await self._ask(asked, request, "teacher")
        if asked.path == "/enter" and self.keys.has_password:
            return await self._ask(asked, request, "enter")
        if asked.may_enter:
            return None
        if not asked.is_page:
            return PlainTextResponse("The class password is asked for first.", 401)
        return self._form("enter", 401, after=asked.path_and_query)

    async def _ask(self, asked: "Asked", request: Request, kind: str) -> Response:
        """The form, or what becomes of it."""
        after = f"{self.base}/classroom" if kind == "teacher" else f"{self.base}/"
        if request.method != "POST":
            done = asked.is_teacher if kind == "teacher" else asked.may_enter
            return RedirectResponse(after, 303) if done else self._form(kind, 200, after=after)
        fields = await _fields(request)
        after = _within(fields.get("after", ""), self.base) or after
        if not (asked.had_cookie and asked.is_own_form):
            return self._form(kind, 400, after=after, said="stale")
        if seconds := self._wait(asked):
            return self._form(kind, 429, after=after, said="wait", seconds=f"{seconds:.0f}")
        right = self.keys.is_teacher_key if kind == "teacher" else self.keys.is_password
        if not await to_thread.run_sync(right, fields.get("word", "")):
            self._was_wrong(asked, kind)
            return self._form(kind, 403, after=after, said="wrong")
        _log.info(kind, extra={"fields": {"browser": short(asked.visitor)}})
        answer = RedirectResponse(after, 303)
        if kind == "teacher":
            asked.set_cookie(answer.headers, TEACHER, self.keys.teacher_cookie(asked.visitor), TEACHER_SECONDS)
        if self.keys.has_password:  # a teacher who leaves is still in the class
            asked.set_cookie(answer.headers, CLASS, self.keys.class_cookie(asked.visitor), VISITOR_SECONDS)
        return answer

    async def _has_key(self, asked: "Asked", request: Request) -> bool:
        """Whether a program sent the teacher's key: `Authorization: Bearer …`."""
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or self._wait(asked):
            return False
        if self.keys.is_teacher_key(key):
            return True
        self._was_wrong(asked, "bearer")
        return False

    def _wait(self, asked: "Asked") -> float:
        by_browser = self._tries["browser"].wait(asked.visitor) if asked.visitor else 0.0
        return max(by_browser, self._tries["address"].wait(asked.address))

    def _was_wrong(self, asked: "Asked", kind: str) -> None:
        self._tries["address"].was_wrong(asked.address)
        if asked.visitor:
            self._tries["browser"].was_wrong(asked.visitor)
        browser = short(asked.visitor) if asked.visitor else ""
        _log.warning("wrong", extra={"fields": {"asked": kind, "browser": browser}})

    def _form(self, kind: str, status: int, *, after: str, said: str = "", **numbers: str) -> Response:
        words = {name.removeprefix(f"{kind}_"): text for name, text in self.words.items()}
        page = _pages.get_template("door.html.j2").render(
            words=words, action=f"{self.base}/{kind}", after=after, class_name=self.class_name,
            said=words[said].format(**numbers) if said else "",
        )  # fmt: skip
        # nobody else's page may show the form of the teacher; a class may sit in the frame of a learning platform
        framed = " frame-ancestors 'none';" if kind == "teacher" else ""
        policy = f"default-src 'none'; style-src 'unsafe-inline'; form-action 'self';{framed}"
        headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return HTMLResponse(page, status, headers=headers | ({"Retry-After": numbers["seconds"]} if numbers else {}))


class Asked:
    """One request: who asks, for what, and from where."""

    def __init__(self, connection: HTTPConnection, keys: Keys, base: str) -> None:
        self._connection, self._keys, self._base = connection, keys, base
        path = connection.scope["path"]
        self.path = path.removeprefix(base) if base and (path + "/").startswith(f"{base}/") else path
        self.path_and_query = path + (f"?{connection.url.query}" if connection.url.query else "")
        self.visitor = keys.visitor(connection.cookies.get(VISITOR))
        self.had_cookie = self.visitor is not None
        self.address = connection.client.host if connection.client else ""

    @property
    def is_page(self) -> bool:
        """Whether a person opens a page: nothing that a page loads, and no program."""
        if self._connection.scope.get("method") not in ("GET", "POST"):
            return False
        mode = self._connection.headers.get("sec-fetch-mode")
        return mode == "navigate" if mode else "text/html" in self._connection.headers.get("accept", "")

    @property
    def is_teacher(self) -> bool:
        return self._keys.is_teacher(self.visitor, self._connection.cookies.get(TEACHER))

    @property
    def may_enter(self) -> bool:
        """Whether the app is open to this browser: the class has no password, or it was given."""
        if not self._keys.has_password or self.is_teacher:
            return True
        return self._keys.entered(self.visitor, self._connection.cookies.get(CLASS))

    @property
    def is_operator(self) -> bool:
        """The teacher, or a program on this machine that asks the server itself and not the proxy before it."""
        return from_this_machine(self.address, self._connection.headers) or self.is_teacher

    @property
    def is_own_form(self) -> bool:
        """Whether a form was sent from a page of this server: browsers say so, and no page can make them lie."""
        headers = self._connection.headers
        if site := headers.get("sec-fetch-site"):
            return site in ("same-origin", "none")
        return urlsplit(headers.get("origin", "")).netloc in ("", headers.get("host"))

    def set_cookie(self, headers: MutableHeaders, name: str, value: str, seconds: int) -> None:
        """Add a cookie that no script can read. In the frame of another site it belongs to this pair of sites alone."""
        sent = self._connection.headers
        framed = sent.get("sec-fetch-dest") == "iframe" and sent.get("sec-fetch-site") == "cross-site"
        framed = (framed or self._was_framed) and name != TEACHER
        kept = "None; Secure; Partitioned" if framed else "Strict" if name == TEACHER else "Lax"
        secure = "; Secure" if not framed and self._connection.url.scheme == "https" else ""
        path = self._base or "/"
        headers.append(
            "set-cookie", f"{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite={kept}{secure}"
        )

    @property
    def _was_framed(self) -> bool:
        """A form within a frame is sent to its own site: then its destination alone says that there is a frame."""
        sent = self._connection.headers
        return sent.get("sec-fetch-dest") == "iframe" and self._connection.scope.get("method") == "POST"

    def with_cookie(self, send: "Send", name: str, value: str, seconds: int) -> "Send":
        """`send`, which adds a cookie to the answer."""

        async def sending(message: "Message") -> None:
            if message["type"] == "http.response.start":
                self.set_cookie(MutableHeaders(scope=message), name, value, seconds)
            await send(message)

        return sending


async def _fields(request: Request) -> dict[str, str]:
    """The fields of a form that is not too long; none of any other."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY:
            return {}
    try:
        return {name: values[0] for name, values in parse_qs(body.decode()).items()}
    except ValueError:
        return {}


def from_this_machine(address: str, headers: Mapping[str, str]) -> bool:
    """Whether a request comes from this machine, and asks the server itself and not a proxy before it.

    Args:
        address: of the client, as the server sees it.
    """
    direct = not any(name in headers for name in PASSED_ON)
    host = urlsplit(f"//{headers.get('host', '')}").hostname
    return _is_loopback(address) and direct and host in LOOPBACK


def _is_loopback(address: str) -> bool:
    """Whether a client sits on this machine; one that came by IPv4 to a socket for both is ::ffff:127.0.0.1."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback


def _within(address: str, base: str) -> str | None:
    """An address of this app, to go to after a form; None for any other."""
    inside = address.startswith(f"{base}/") and address[1:2] not in ("/", "\\")
    return address if inside and address.isprintable() and "\\" not in address else None
