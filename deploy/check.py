"""Try the files of this folder as far as this machine can, and say what it could not try.

    .venv/bin/python -m deploy.check

Starts the app by `serve` with a base path and a class password, and meets it as a browser does: directly, and through
nginx and Caddy with the very files of this folder, in which addresses and the certificate alone are replaced. A page is
run over its websocket; with two servers behind the proxy a browser stays with one of them. The systemd unit is read by
systemd, the compose file by whatever has compose. Exit code 1 if something that was tried failed.
"""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from deploy.browser import BASE, SECONDS, Browser

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PASSWORD = "open sesame"
Proxy = tuple[str, Path]  # its address, and the certificate to trust
MOST_BROWSERS = 24  # one of two servers gets none of them once in four million checks


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


def stay_with_one_server(address: str, trusted: Path, data: Path) -> None:
    """Browsers come until each of two servers has one; each sends a file to an open page, and opens three more.

    Raises:
        AssertionError: saying which browser changed its server, or that all came to the same one.
    """
    for _ in range(MOST_BROWSERS):
        browser = Browser(address, trusted)
        browser.ask("/lora")
        browser.ask("/enter", {"word": PASSWORD, "after": f"{BASE}/lora"})
        browser.ask("/_stcore/health", page=False)  # gives the token that an upload needs
        browser.draw("lora", upload=True)
        for _ in range(3):
            browser.ask("/glossary")
        met = who_opened("/glossary", data)
        changed = {visitor: servers for visitor, servers in met.items() if len(servers) > 1}
        assert not changed, f"a browser changed its server: {changed}"
        if len(set.union(*met.values())) == 2:
            return
    raise AssertionError(f"{MOST_BROWSERS} browsers came to the same one of two servers")


def who_opened(page: str, data: Path) -> dict[str, set[str]]:
    """The servers at which each browser opened a page, as their logs have it."""
    met: dict[str, set[str]] = {}
    for log in data.glob("app-*.log"):
        for line in log.read_text().splitlines():
            entry = json.loads(line) if line.startswith("{") else {}
            if entry.get("event") == "page" and entry["path"] == page:
                met.setdefault(entry["browser"], set()).add(log.name)
    return met


@contextmanager
def served(folder: Path, python: str = sys.executable) -> Iterator[int]:
    """The app as `serve` starts it; gives its port. Its log is app-PORT.log in the folder."""
    port = free_port()
    command = [python, "-m", "peft_core", "serve", "--port", str(port), "--data", str(folder)]
    command += ["--base-path", BASE, "--class", "7b", "--log", "json"]
    log = folder / f"app-{port}.log"
    with running(command, log, {"PEFT_CLASS_PASSWORD": PASSWORD, "PEFT_SPARE_WORKER": "0"}):
        wait_for(f"http://127.0.0.1:{port}", log)
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


@contextmanager
def nginx(folder: Path, apps: Sequence[int]) -> Iterator[Proxy]:
    """What nginx.conf has, in a configuration that needs no root."""
    port = free_port()
    certificate, key = self_signed(folder)
    block = replaced(
        HERE / "nginx.conf",
        {
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "server_name school.example": "server_name localhost",
            "/etc/ssl/school.example.pem": str(certificate),
            "/etc/ssl/school.example.key": str(key),
            "server 127.0.0.1:8501;": " ".join(f"server 127.0.0.1:{app};" for app in apps),
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
        yield address, certificate


@contextmanager
def caddy(folder: Path, apps: Sequence[int]) -> Iterator[Proxy]:
    """The Caddyfile with a certificate of our own: its own would have to be fetched."""
    port = free_port()
    certificate, key = self_signed(folder)
    site = f"https://localhost:{port} {{\n\ttls {certificate} {key}"
    addresses = " ".join(f"127.0.0.1:{app}" for app in apps)
    block = replaced(HERE / "Caddyfile", {"school.example {": site, "127.0.0.1:8501": addresses})
    file = folder / "Caddyfile"
    file.write_text("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + block)
    homes = {"XDG_DATA_HOME": str(folder / "caddy"), "XDG_CONFIG_HOME": str(folder / "caddy")}
    with running(["caddy", "run", "--adapter", "caddyfile", "--config", str(file)], folder / "caddy.log", homes):
        address = f"https://localhost:{port}"
        wait_for(address, folder / "caddy.log", certificate)
        yield address, certificate


def through(proxy: Callable[[Path, Sequence[int]], AbstractContextManager[Proxy]], folder: Path, app: int) -> None:
    """The app through a proxy, then a second server beside it over the same folder."""
    with proxy(folder, [app]) as (address, certificate):
        meets_the_app(Browser(address, certificate), proxy.__name__)
    with served(folder / "data") as second, proxy(folder, [app, second]) as (address, certificate):
        stay_with_one_server(address, certificate, folder / "data")


def unit() -> None:
    """The unit, read by systemd; its command is of another machine, and put aside."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "peft-classroom@8501.service"
        python = "/opt/peft-classroom/.venv/bin/python"
        file.write_text(replaced(HERE / "peft-classroom@.service", {python: sys.executable}))
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
        proxied = "TLS, base path, websockets, two servers"
        tries = {
            "serve: base path, password, websockets": (has(), lambda: directly(app)),
            f"nginx.conf: {proxied}": (has("nginx", "openssl"), lambda: through(nginx, folder, app)),
            f"Caddyfile: {proxied}": (has("caddy", "openssl"), lambda: through(caddy, folder, app)),
            "peft-classroom@.service, read by systemd": (has("systemd-analyze"), unit),
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
    sys.exit(main())
