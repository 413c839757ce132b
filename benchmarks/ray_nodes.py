"""A Ray cluster on one machine: a head without cores, nodes with one each, all under loopback addresses of their own.

A node is a `ray start --block`; killing it kills whatever grew out of it, as if the power had gone.
"""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil
from pydantic import SecretStr

from peft_core.training.runs.cluster.jobs import ClusterError, RayJobs
from peft_core.training.runs.cluster.settings import RaySettings

_HEAD, _PORT = "127.0.0.10", 6399
_STORE_BYTES = 100 * 10**6  # of shared memory; these runs put nothing there
_STARTING = 900.0
_PATIENT = {  # the cores may be other people's for a while
    "RAY_raylet_start_wait_time_s": "90",
    "RAY_gcs_server_request_timeout_seconds": "300",
    "RAY_health_check_failure_threshold": "20",
}


class Nodes:
    """The processes of a cluster. `folder`: for its token, sessions and logs; a short path, since sockets lie there."""

    def __init__(self, folder: Path, number: int, dashboard_port: int) -> None:
        self.folder, self.port = folder, dashboard_port
        self.token = folder / "token"
        self.token.write_text(secrets.token_hex(32))
        self.token.chmod(0o600)
        self._started: dict[str, tuple[subprocess.Popen, IO, list[str]]] = {}
        self.names = [f"127.0.0.{number}" for number in range(11, 11 + number)]

    @property
    def settings(self) -> RaySettings:
        """For whoever hands runs to it."""
        token = SecretStr(self.token.read_text())
        return RaySettings(address=f"http://127.0.0.1:{self.port}", token=token, python=sys.executable)

    def start(self) -> None:
        """All of them; returns when the nodes have their room."""
        self.start_head()
        for place, name in enumerate(self.names, start=1):
            self.start_node(name)
            self.await_room(place)

    def start_head(self) -> None:
        """The head has no cores, so that no run trains there. Returns when it answers."""
        where = ["--head", "--port", _PORT, "--dashboard-host", "127.0.0.1", "--dashboard-port", self.port]
        self._start(_HEAD, [*where, "--num-cpus", 0, "--temp-dir", self.folder / "head"])
        self._until(lambda jobs: jobs.nodes(), "head")

    def start_node(self, name: str) -> None:
        """One node, at its address."""
        self._start(name, ["--address", f"{_HEAD}:{_PORT}", "--num-cpus", 1])

    def await_room(self, places: int) -> None:
        """Wait until the cluster has room for so many runs."""
        self._until(lambda jobs: jobs.room() == places, f"{places} places")

    def _until(self, condition: Callable[[RayJobs], object], what: str) -> None:
        """Wait, and start again what gave up meanwhile, as a service manager would: on busy cores a node may.

        Raises:
            TimeoutError: if it takes too long; with what the nodes have printed last.
        """
        jobs, deadline = RayJobs(self.settings), time.monotonic() + _STARTING
        while time.monotonic() < deadline:
            with suppress(ClusterError):
                if condition(jobs):
                    return
            for name in self._started:
                self.start_again(name)
            time.sleep(0.5)
        said = "".join(path.read_text()[-2000:] for path in self.folder.glob("*.log"))
        raise TimeoutError(f"The cluster has no {what} after {_STARTING:.0f} s.\n{said}")

    def kill(self, name: str) -> None:
        """A machine is gone at once, with all that ran there."""
        self._end(self._started[name][0])

    def kill_head(self) -> None:
        """Its jobs are forgotten with it: they were in its memory."""
        self.kill(_HEAD)

    def head_again(self) -> None:
        """A new head where the killed one was. Returns when it answers."""
        self.start_again(_HEAD)
        self._until(lambda jobs: jobs.nodes(), "head")

    def is_up(self, name: str) -> bool:
        """Whether a node still runs: without a head it gives up after a while."""
        return self._started[name][0].poll() is None

    def start_again(self, name: str) -> None:
        """A node that has given up is started as it was; one that is well stays as it is."""
        process, log, command = self._started[name]
        if process.poll() is not None:
            self._end(process)  # what it left behind
            self._started[name] = self._spawn(command, log), log, command

    def node_of(self, pid: int) -> str:
        """The node that a process belongs to."""
        return next(name for name in self.names if pid in {each.pid for each in _tree(self._started[name][0].pid)})

    def memory(self) -> int:
        """Bytes that belong to the processes of the cluster alone."""
        found = {each.pid: each for process, *_ in self._started.values() for each in _tree(process.pid)}
        total = 0
        for each in found.values():
            with suppress(psutil.Error):
                total += each.memory_full_info().uss
        return total

    def close(self) -> None:
        """End everything that was started here."""
        for process, log, _ in self._started.values():
            self._end(process)
            log.close()

    def _start(self, name: str, options: list[object]) -> None:
        command = [Path(sys.executable).with_name("ray"), "start", "--block", "--node-ip-address", name, *options]
        command += ["--object-store-memory", _STORE_BYTES, "--disable-usage-stats"]
        log = open(self.folder / f"{name}.log", "ab")
        words = [str(word) for word in command]
        self._started[name] = self._spawn(words, log), log, words

    def _spawn(self, command: list[str], log: IO) -> subprocess.Popen:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment(), process_group=0
        )

    def _end(self, process: subprocess.Popen) -> None:
        """The whole tree, and what has lost its parent but not its group."""
        for each in _tree(process.pid):
            with suppress(psutil.Error):
                each.kill()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _environment(self) -> Mapping[str, str]:
        return os.environ | _PATIENT | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(self.token)}


def _tree(pid: int) -> list[psutil.Process]:
    """A process and all that it started, as far as they still hang together."""
    try:
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    except psutil.Error:
        return []
