"""A Jobs server in this process that speaks as much of Ray's REST as the backend needs: real processes, no nodes.

`benchmarks/ray_cluster.py` holds the same backend against Ray itself.
"""

import json
import os
import signal
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

TOKEN = "a token of this test"


class JobsServer:
    """One head and `places` nodes with a core each."""

    def __init__(self, places: int) -> None:
        self.places, self.guarded, self.broken = places, True, False
        self.processes: dict[str, subprocess.Popen] = {}
        self.submitted: dict[str, dict] = {}
        self.told: dict[str, dict] = {}  # what became of a job in another way than by the end of its process
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        """End everything."""
        for name in list(self.processes):
            self._end(name, signal.SIGKILL)
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    # -- what happens to a cluster ------------------------------------------------------------------------------------
    def kill_node(self, name: str) -> None:
        """The machine of a job is gone, and its process with it."""
        self._end(name, signal.SIGKILL)
        self.told[name] = {
            "status": "FAILED",
            "error_type": "JOB_SUPERVISOR_ACTOR_DIED",
            "message": "Job supervisor actor died: The actor's node was terminated unexpectedly.",
        }

    def forget(self) -> None:
        """The head was started again: it knows no job, though their processes live."""
        self.submitted.clear()

    # -- REST ---------------------------------------------------------------------------------------------------------
    def submit(self, asked: dict) -> None:
        with self._lock:
            environment = os.environ | asked["runtime_env"]["env_vars"]
            name = asked["submission_id"]
            assert name not in self.submitted
            self.submitted[name] = asked
            self.processes[name] = subprocess.Popen(
                asked["entrypoint"], shell=True, start_new_session=True, env=environment,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip

    def find(self, name: str) -> dict | None:
        if name not in self.submitted:
            return None
        if name in self.told:
            return self.told[name]
        code = self.processes[name].poll()
        if code is None:
            return {"status": "RUNNING", "message": "Job is currently running."}
        status = "SUCCEEDED" if code == 0 else "FAILED"
        return {"status": status, "driver_exit_code": code, "message": f"ended with {code}"}

    def stop(self, name: str) -> dict | None:
        if name not in self.submitted:
            return None
        self._end(
            name, signal.SIGTERM, int(self.submitted[name]["runtime_env"]["env_vars"]["RAY_JOB_STOP_WAIT_TIME_S"])
        )
        self.told[name] = {"status": "STOPPED"}
        return {"stopped": True}

    def _end(self, name: str, first: signal.Signals, patience: float = 30.0) -> None:
        process = self.processes[name]
        try:
            os.killpg(process.pid, first)
            process.wait(patience)
        except ProcessLookupError:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)

    def answer(self, verb: str, path: str, content: dict | None) -> dict | None:
        """What a path says; None: no such thing."""
        match verb, path.strip("/").split("/"):
            case "POST", ["api", "jobs"]:
                self.submit(content)
                return {"submission_id": content["submission_id"]}
            case "GET", ["api", "jobs", name]:
                return self.find(name)
            case "POST", ["api", "jobs", name, "stop"]:
                return self.stop(name)
            case "GET", ["api", "v0", "nodes"]:
                nodes = [{"state": "ALIVE", "resources_total": {"CPU": 1.0, "memory": 1e9}}] * self.places
                head = {"state": "ALIVE", "resources_total": {"memory": 1e9}}
                return {"result": True, "data": {"result": {"result": [head, *nodes]}}}
        return None

    def _handler(server) -> type:
        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                content = json.loads(self.rfile.read(length)) if length else None
                token = self.headers.get("Authorization")
                if server.broken:
                    return self.say(500, "Traceback: no agent")
                if server.guarded and token != f"Bearer {TOKEN}":
                    return self.say(403 if token else 401, "Forbidden" if token else "Unauthorized")
                said = server.answer(self.command, urlsplit(self.path).path, content)
                return self.say(404, "does not exist") if said is None else self.say(200, json.dumps(said))

            do_GET = do_POST = answer

            def say(self, code: int, text: str) -> None:
                self.send_response(code)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_) -> None:
                pass

        return Handler
