"""Try the files of this folder as far as this machine can, and say what it could not try.

    .venv/bin/python deploy/check.py

Starts the app by `serve` with a base path and a class password, and meets it as a browser does: directly, and through
nginx and Caddy with the very files of this folder, in which addresses and the certificate alone are replaced. A page is
run over its websocket. The systemd unit is read by systemd, the compose file by whatever has compose. Exit code 1 if
something that was tried failed.
"""

import http.client
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BASE, PASSWORD = "/peft", "open sesame"
SECONDS = 120.0  # for a server to answer, or a page to be drawn, on a busy machine
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"}


@dataclass
class Browser:
    """Enough of a browser: it keeps cookies. `address` has no path."""

    address: str
    trusted: Path | None = None
    cookies: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)

    def ask(self, path: str, form: dict[str, str] | None = None, page: bool = True) -> tuple[int, str, str]:
        """Status, text, and where it leads."""
        parts = urlsplit(self.address)
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(parts.netloc, timeout=30, context=self.context())
        else:
            connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        headers = (PAGE if page else {}) | {"Cookie": self.cookie_line()}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = None if form is None else urlencode(form)
        connection.request("GET" if form is None else "POST", BASE + path, body, headers)
        answer = connection.getresponse()
        for line in answer.headers.get_all("set-cookie") or []:
            name, _, rest = line.partition("=")
            self.cookies[name], _, self.attributes[name] = rest.partition(";")
        text = answer.read().decode("utf-8", "replace")
        connection.close()
        return answer.status, text, answer.headers.get("location", "")

    def draw(self, page: str) -> int:
        """Run a page over the websocket; how many elements it drew.

        Raises:
            Exception: of the websockets library, where the connection is refused.
        """
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
        from websockets.sync.client import connect

        secure = self.address.startswith("https")
        with connect(
            self.address.replace("http", "ws", 1) + f"{BASE}/_stcore/stream", subprotocols=["streamlit"],
            additional_headers={"Cookie": self.cookie_line()}, origin=self.address, max_size=None, open_timeout=30,
            **({"ssl": self.context()} if secure else {}),
        ) as stream:  # fmt: skip
            message = BackMsg()
            message.rerun_script.page_name = page
            stream.send(message.SerializeToString())
            drawn = 0
            while True:
                answer = ForwardMsg.FromString(stream.recv(timeout=SECONDS))
                kind = answer.WhichOneof("type")
                drawn += kind == "delta"
                if kind == "script_finished" and answer.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                    return drawn

    def cookie_line(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.trusted)


def meets_the_app(browser: Browser, through: str) -> None:
    """What a visitor meets, from the door to a drawn page.

    Raises:
        AssertionError: saying what was otherwise.
    """
    status, text, _ = browser.ask("/lora?lora_r=4")
    assert (status, 'name="word"' in text) == (401, True), f"the class password is not asked for: {status}"
    try:
        browser.draw("lora")
        said = "a page"
    except Exception as error:
        said = str(error)
    assert "403" in said, f"before the password the websocket answers with {said}, not with 403"
    status, _, after = browser.ask("/enter", {"word": PASSWORD, "after": f"{BASE}/lora?lora_r=4"})
    assert (status, after) == (303, f"{BASE}/lora?lora_r=4"), f"the password does not let in: {status} {after}"
    status, text, _ = browser.ask("/lora?lora_r=4")
    assert (status, '<div id="root">' in text) == (200, True), f"the page is not there: {status}"
    assert browser.draw("lora") > 20, "the page draws hardly anything"
    if through != "nothing":
        for path in ("/metrics", "/_stcore/metrics"):
            assert browser.ask(path, page=False)[0] == 404, f"{path} is open to everybody"
        assert browser.ask("/healthz", page=False)[1] == '{"status":"ok"}', "healthz says more than it should"
    kept = browser.attributes["peft_visitor"]
    assert f"Path={BASE}" in kept and "HttpOnly" in kept, f"the cookie is kept as {kept}"
    assert ("Secure" in kept) is browser.address.startswith("https"), f"the cookie is kept as {kept}"


@contextmanager
def served(folder: Path, python: str = sys.executable) -> Iterator[int]:
    """The app as `serve` starts it; gives its port."""
    port = free_port()
    command = [python, "-m", "peft_core", "serve", "--port", str(port), "--data", str(folder)]
    command += ["--base-path", BASE, "--class", "7b", "--log", "json"]
    with running(command, folder / "app.log", {"PEFT_CLASS_PASSWORD": PASSWORD, "PEFT_SPARE_WORKER": "0"}):
        wait_for(f"http://127.0.0.1:{port}", folder / "app.log")
        yield port


@contextmanager
def running(command: list[str], log: Path, environment: dict[str, str] | None = None) -> Iterator[None]:
    """A process that is ended afterwards."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as file:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | (environment or {}), stdout=file, stderr=subprocess.STDOUT
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_for(address: str, log: Path, trusted: Path | None = None) -> None:
    """Until the app answers there.

    Raises:
        AssertionError: with the end of the log, if it does not.
    """
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            if Browser(address, trusted).ask("/_stcore/health", page=False)[1] == "ok":
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.2)
    raise AssertionError(f"{address} does not answer: {log.read_text(errors='replace')[-1000:]}")


def directly(app: int) -> None:
    """The app itself, without a proxy."""
    meets_the_app(Browser(f"http://127.0.0.1:{app}"), "nothing")


def through_nginx(folder: Path, app: int) -> None:
    """The server block of nginx.conf in a configuration that needs no root."""
    port = free_port()
    certificate, key = self_signed(folder)
    block = replaced(
        HERE / "nginx.conf",
        {
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "server_name school.example": "server_name localhost",
            "/etc/ssl/school.example.pem": str(certificate),
            "/etc/ssl/school.example.key": str(key),
            "127.0.0.1:8501": f"127.0.0.1:{app}",
        },
    )
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = f"daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; events {{}}\n"
    whole += f"http {{ access_log off; {places}\n{block}\n}}"
    file = folder / "nginx.conf"
    file.write_text(whole)
    command = ["nginx", "-p", str(folder), "-c", str(file), "-e", str(folder / "nginx.log")]
    with running(command, folder / "nginx.out"):
        address = f"https://localhost:{port}"
        wait_for(address, folder / "nginx.log", certificate)
        meets_the_app(Browser(address, certificate), "nginx")


def through_caddy(folder: Path, app: int) -> None:
    """The Caddyfile with a certificate of our own: its own would have to be fetched."""
    port = free_port()
    certificate, key = self_signed(folder)
    site = f"https://localhost:{port} {{\n\ttls {certificate} {key}"
    block = replaced(HERE / "Caddyfile", {"school.example {": site, "127.0.0.1:8501": f"127.0.0.1:{app}"})
    file = folder / "Caddyfile"
    file.write_text("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + block)
    homes = {"XDG_DATA_HOME": str(folder / "caddy"), "XDG_CONFIG_HOME": str(folder / "caddy")}
    with running(["caddy", "run", "--adapter", "caddyfile", "--config", str(file)], folder / "caddy.log", homes):
        address = f"https://localhost:{port}"
        wait_for(address, folder / "caddy.log", certificate)
        meets_the_app(Browser(address, certificate), "Caddy")


def unit() -> None:
    """The unit, read by systemd; its command is of another machine, and put aside."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "peft-classroom.service"
        python = "/opt/peft-classroom/.venv/bin/python"
        file.write_text(replaced(HERE / file.name, {python: sys.executable}))
        done = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def compose() -> None:
    """The compose file, read by compose."""
    done = subprocess.run(
        ["docker", "compose", "-f", str(HERE / "compose.yaml"), "config", "--quiet"], capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()


def container() -> None:
    """The image, built and started."""
    builder = "podman" if shutil.which("podman") else "docker"
    tag = "peft-classroom-check"
    subprocess.run([builder, "build", "-f", str(HERE / "Containerfile"), "-t", tag, str(ROOT)], check=True)
    done = subprocess.run([builder, "run", "--rm", tag, "--help"], capture_output=True, text=True)
    assert "--base-path" in done.stdout, done.stderr


def builds() -> bool:
    """Whether there is something that builds containers, with its service."""
    for builder in ("podman", "docker"):
        if shutil.which(builder) and not subprocess.run([builder, "info"], capture_output=True).returncode:
            return True
    return False


def composes() -> bool:
    return (
        bool(shutil.which("docker"))
        and not subprocess.run(["docker", "compose", "version"], capture_output=True).returncode
    )


def has(*programs: str) -> Callable[[], bool]:
    return lambda: all(shutil.which(program) for program in programs)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost, and its key."""
    certificate, key = folder / "localhost.pem", folder / "localhost.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-out", str(certificate), "-keyout", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def replaced(file: Path, by: dict[str, str]) -> str:
    """The text of a file with some of its words replaced, each of which must be there."""
    text = file.read_text()
    for old, new in by.items():
        assert old in text, f"{file.name} has no {old!r} any more: mend this check"
        text = text.replace(old, new)
    return text


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main() -> int:
    """Try everything; print a line for each."""
    failed = 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        try:
            app = stack.enter_context(served(folder / "data"))
        except AssertionError as error:
            print(f"FAILED     serve: {error}")
            return 1
        tries = {
            "serve: base path, password, websockets": (has(), lambda: directly(app)),
            "nginx.conf: TLS, base path, websockets": (has("nginx", "openssl"), lambda: through_nginx(folder, app)),
            "Caddyfile: TLS, base path, websockets": (has("caddy", "openssl"), lambda: through_caddy(folder, app)),
            "peft-classroom.service, read by systemd": (has("systemd-analyze"), unit),
            "compose.yaml, read by compose": (composes, compose),
            "Containerfile, built and started": (builds, container),
        }  # fmt: skip
        for name, (possible, attempt) in tries.items():
            if not possible():
                print(f"not tried  {name}: what it takes is not on this machine")
                continue
            try:
                attempt()
                print(f"tried      {name}")
            except (AssertionError, OSError, subprocess.SubprocessError) as error:
                failed += 1
                print(f"FAILED     {name}: {error}")
    print(
        "not tried  a certificate that Caddy fetches, and a unit that systemd starts: both need a server of their own"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
