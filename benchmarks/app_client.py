"""The app as a browser meets it, without a browser: its process, and sessions over Streamlit's own protocol.

A page that only fetches `/` runs no script. A session here opens the websocket, sends what the browser sends when a
person opens a link or moves a widget, and reads until the server says that the script has finished.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from peft_core.paths import ROOT

QUIET_SECONDS, QUIET_SHARE = 2.0, 0.05  # a server and its children are at rest below this share of a core


END = "(end)"  # is "shown" when the script has finished


class Shown(NamedTuple):
    """Words of an element, and how many seconds after the question they came."""

    seconds: float
    words: str


@dataclass(frozen=True)
class App:
    """A running app."""

    process: psutil.Process
    port: int
    started: float  # time.perf_counter() when its process was started
    reachable: float  # seconds from there until it answered

    def has_torch(self) -> bool:
        """Whether its process has torch's library in memory (Linux)."""
        return "libtorch" in Path(f"/proc/{self.process.pid}/maps").read_text()

    def cpu_seconds(self) -> float:
        """Processor time of the server's process so far."""
        times = self.process.cpu_times()
        return times.user + times.system

    def wait_until_at_rest(self, seconds: float = 120) -> None:
        """Until neither the server nor a process that it has started computes.

        Raises:
            TimeoutError: if they still do after so many seconds.
        """
        deadline = time.monotonic() + seconds
        before = self._all_cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(QUIET_SECONDS)
            now = self._all_cpu_seconds()
            if now - before < QUIET_SHARE * QUIET_SECONDS:
                return
            before = now
        raise TimeoutError(f"The app still computes after {seconds:.0f} seconds.")

    def _all_cpu_seconds(self) -> float:
        total = self.cpu_seconds()
        for child in self.process.children(recursive=True):
            times = child.cpu_times()
            total += times.user + times.system
        return total


@contextmanager
def running(environment: dict[str, str], log: Path | None = None) -> Iterator[App]:
    """The app on a free port, stopped afterwards.

    Args:
        log: what it says on standard error goes there.

    Raises:
        RuntimeError: if it ends before it answers.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app/main.py", "--server.headless", "true"]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    started = time.perf_counter()
    with (
        open(log or os.devnull, "ab") as said,
        subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stdout=said, stderr=said) as server,
    ):
        try:
            while not _answers(port):
                if server.poll() is not None:
                    raise RuntimeError(f"The app ended with code {server.returncode} before it answered.")
                time.sleep(0.01)
            yield App(psutil.Process(server.pid), port, started, time.perf_counter() - started)
        finally:
            server.terminate()
            server.wait(timeout=20)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
            return answer.read() == b"ok"
    except OSError:
        return False


class Session:
    """One browser tab.

    Args:
        page: the path of a page, "" for the first.
        query: of the link, without "?".
        cookies: as a browser sends them; without one it is a visitor for as long as it is open.
    """

    def __init__(self, app: App, page: str = "", query: str = "", cookies: str = "") -> None:
        address = f"ws://127.0.0.1:{app.port}/_stcore/stream"
        headers = {"Cookie": cookies} if cookies else None
        self._socket = connect(
            address, subprotocols=["streamlit"], max_size=None, compression=None, additional_headers=headers
        )
        self.page, self.query = page, query
        self._numbers: dict[str, str] = {}  # key → id

    def close(self) -> None:
        self._socket.close()

    def open(self) -> list[Shown]:
        """Run the page as at first, or again; what it put on the screen."""
        return self._run(BackMsg())

    def move(self, key: str, value: float) -> list[Shown]:
        """Set the number with this key; what the page put on the screen then, until its script had finished."""
        message = BackMsg()
        state = message.rerun_script.widget_states.widgets.add()
        state.id = self._numbers[key]
        state.double_value = value
        return self._run(message)

    def _run(self, message: BackMsg) -> list[Shown]:
        message.rerun_script.query_string, message.rerun_script.page_name = self.query, self.page
        return self._exchange(message)

    def _exchange(self, message: BackMsg) -> list[Shown]:
        """Send it, and read until what it asked for has finished: one fragment, or the whole script.

        Raises:
            RuntimeError: if the page shows an exception or cannot be run.
        """
        ends = {ForwardMsg.FINISHED_SUCCESSFULLY}
        if message.rerun_script.fragment_id:
            ends.add(ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)
        shown: list[Shown] = []
        started = time.perf_counter()
        self._socket.send(message.SerializeToString())
        while True:
            answer = self._whole(ForwardMsg.FromString(self._socket.recv(timeout=120)))
            seconds, kind = time.perf_counter() - started, answer.WhichOneof("type")
            if kind == "delta" and answer.delta.WhichOneof("type") == "new_element":
                shown += [Shown(seconds, words) for words in self._words(answer)]
            elif kind == "script_finished":
                if answer.script_finished in ends:
                    return [*shown, Shown(seconds, END)]
                if answer.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                    raise RuntimeError(f"The page {self.page} cannot be run.")

    def _whole(self, answer: ForwardMsg) -> ForwardMsg:
        """A message as it is read; a session that remembers earlier ones takes note of it here."""
        return answer

    def _words(self, answer: ForwardMsg) -> list[str]:
        """What an element says; the id of a box for a number is kept."""
        element = answer.delta.new_element
        kind = element.WhichOneof("type")
        if kind == "exception":
            raise RuntimeError(f"The page {self.page} shows an exception: {element.exception.message}")
        if kind == "number_input":
            self._numbers[element.number_input.id.rsplit("-", 1)[-1]] = element.number_input.id  # it ends with its key
        parts = [getattr(getattr(element, kind), part, "") for part in ("label", "body")] if kind else []
        return [part for part in parts if isinstance(part, str) and part]
