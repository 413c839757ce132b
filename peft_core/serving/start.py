"""How the server is started: the command and the environment of its process, and where it is found."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn

from peft_core.errors import PeftClassroomError
from peft_core.paths import IMPORTED_FROM, ROOT
from peft_core.training.runs.orders import MOST_WORKERS

SCRIPT = ROOT / "app" / "main.py"
PASSWORD = "PEFT_CLASS_PASSWORD"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
EVERY = ("0.0.0.0", "::")


@dataclass(frozen=True)
class Service:
    """How somebody wants the app served.

    Args:
        bind: the address that it listens on; `EVERY` is each of this machine's.
        base_path: under which a proxy shows it, "" or "name".
        hosts: names by which browsers call it; others are refused. None: any.
        json_log: the log is lines of JSON.
    """

    bind: str = "127.0.0.1"
    port: int = 8501
    base_path: str = ""
    hosts: tuple[str, ...] = ()
    class_name: str = ""
    workers: int | None = None
    json_log: bool = False

    @property
    def is_public(self) -> bool:
        """Whether other machines reach it without a proxy."""
        return self.bind not in LOOPBACK

    @property
    def address(self) -> str:
        """What to type into a browser: the proxy, where it has a name; else this machine, as others see it."""
        path = f"/{self.base_path}/" if self.base_path else "/"
        if self.hosts:
            return f"https://{self.hosts[0]}{path}"
        host = own_address() if self.bind in EVERY else self.bind
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}{path}"

    def command(self) -> list[str]:
        """The server's process: Streamlit, which finds our server in app/main.py."""
        options = {
            "server.port": str(self.port),
            "server.address": self.bind,
            "server.baseUrlPath": self.base_path,
            "server.headless": "true",
            "logger.hideWelcomeMessage": "true",  # it would ask a service elsewhere for this machine's address
        }
        given = [part for name, value in options.items() if value for part in (f"--{name}", value)]
        for host in (*self.hosts, *LOOPBACK) if self.hosts else ():
            given += ["--server.allowedHosts", host]
        return [sys.executable, "-m", "streamlit", "run", str(SCRIPT), *given]

    def environment(self, before: Mapping[str, str]) -> dict[str, str]:
        """Its environment; the class password is not in it: what is needed of it lies in the folder of runs."""
        paths = filter(None, [str(IMPORTED_FROM), before.get("PYTHONPATH")])
        ours = {"PYTHONPATH": os.pathsep.join(paths), "PEFT_CLASS": self.class_name}
        ours |= {"PEFT_WORKERS": str(self.workers)} if self.workers else {}
        ours |= {"PEFT_LOG": "json"} if self.json_log else {}
        return {name: value for name, value in before.items() if name != PASSWORD} | ours

    def check(self) -> None:
        """Raises:
        PeftClassroomError: if an option is impossible, or the address is not free.
        """
        if self.workers is not None and not 1 <= self.workers <= MOST_WORKERS:
            raise PeftClassroomError(f"--workers is {self.workers}; choose a number from 1 to {MOST_WORKERS}.")
        if not all(part.isalnum() for part in self.base_path.replace("-", "").replace("_", "").split("/") if part):
            raise PeftClassroomError(f"--base-path is {self.base_path!r}; use letters, digits, - and _.")
        if not SCRIPT.is_file():
            raise PeftClassroomError("The app is not part of this installation; install the project as a whole.")
        family = socket.AF_INET6 if ":" in self.bind else socket.AF_INET
        with socket.socket(family) as probe:
            if os.name != "nt":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.bind, self.port))
            except (OSError, OverflowError) as error:
                why = getattr(error, "strerror", None) or error
                raise PeftClassroomError(
                    f"{self.bind}, port {self.port}, cannot be listened on ({why}); choose another --port or --bind."
                ) from error


def become(command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Let this process be the server, so that who stops it stops the server; on Windows, wait for it."""
    sys.stdout.flush()
    if os.name != "nt":
        os.execve(command[0], list(command), dict(environment))
    sys.exit(subprocess.call(command, env=dict(environment)))


def own_address() -> str:
    """This machine's address in the network that leads outside; its loopback address if none does. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # kept for examples: nobody has this address
            return str(ip_address(probe.getsockname()[0]))
        except OSError:
            return LOOPBACK[0]


def move_data(folder: Path) -> None:
    """Runs and files that can be made again lie in `folder` from now on, for this process and those it starts."""
    os.environ["PEFT_RUNS_DIR"] = str(folder.resolve() / "runs")
    os.environ["PEFT_CACHE_DIR"] = str(folder.resolve() / "cache")
