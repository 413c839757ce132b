"""Ray's Jobs API: commands that a cluster runs, over HTTP with a token (Ray 2.60, "Ray Jobs REST API").

POST /api/jobs/             start a command on a node that has the resources free
GET  /api/jobs/NAME         how it is; 404: the cluster does not know it, for example since its head was started again
POST /api/jobs/NAME/stop    SIGTERM, later SIGKILL
GET  /api/v0/nodes          the nodes with what they have
"""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from shlex import join
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from peft_core.errors import PeftClassroomError
from peft_core.training.runs.cluster.settings import RaySettings
from peft_core.validated import shortened

STOP_SECONDS = "RAY_JOB_STOP_WAIT_TIME_S"  # Ray's name: how long a job that is told to stop has, before it is killed
_MOST_NODES = 1_000
_MOST_BYTES = 16 * 2**20


class ClusterError(PeftClassroomError):
    """The cluster does not answer, or does not let us in: nobody can say how a job is."""


class RefusedError(PeftClassroomError):
    """The cluster answers, and does not take this job."""


class Job(BaseModel):
    """How a job is. Ray's own words; what is not needed here is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: Literal["PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED"]
    message: str | None = None
    driver_exit_code: int | None = None
    driver_node_id: str | None = None

    @property
    def ended(self) -> bool:
        """Its process is gone."""
        return self.status not in ("PENDING", "RUNNING")

    @property
    def lost_its_node(self) -> bool:
        """It failed, and no process of it has ended: its machine went, or never had room for it."""
        return self.status == "FAILED" and self.driver_exit_code is None


class RayJobs:
    """The jobs of one cluster."""

    def __init__(self, settings: RaySettings, timeout: float = 8.0) -> None:
        self.settings, self.timeout = settings, timeout
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)

    def submit(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Have `command` run on a node that has the resources free; until there is one, it waits there.

        Raises:
            ClusterError: if the cluster does not answer. The job may have been taken all the same.
            RefusedError: if it does not take it.
        """
        self._ask(
            "POST",
            "/api/jobs/",
            {
                "submission_id": name,
                "entrypoint": f"exec {join(command)}",  # no shell between Ray and the process
                "runtime_env": {"env_vars": dict(environment)},
                "entrypoint_num_cpus": self.settings.cpus,
                "entrypoint_num_gpus": self.settings.gpus,
            },
        )

    def find(self, name: str) -> Job | None:
        """How a job is; None: the cluster does not know it.

        Raises:
            ClusterError: if the cluster does not answer.
        """
        found = self._ask("GET", f"/api/jobs/{name}", missing=True)
        return None if found is None else self._read(Job, found)

    def stop(self, name: str) -> None:
        """Tell a job to stop. Nothing happens if it has ended, or the cluster does not know it.

        Raises:
            ClusterError: if the cluster does not answer.
        """
        self._ask("POST", f"/api/jobs/{name}/stop", {}, missing=True)

    def nodes(self) -> list[Mapping[str, float]]:
        """What each living node has in all, by Ray's names.

        Raises:
            ClusterError: if the cluster does not answer.
        """
        query = f"detail=true&limit={_MOST_NODES}&filter_keys=state&filter_predicates=%3D&filter_values=ALIVE"
        nodes = self._read(_Nodes, self._ask("GET", f"/api/v0/nodes?{query}")).data.result.result
        return [node.resources_total for node in nodes if node.state == "ALIVE"]

    def room(self) -> int:
        """How many runs the living nodes have room for, if nobody else is there.

        Raises:
            ClusterError: if the cluster does not answer.
        """
        return sum(map(self._room_on, self.nodes()))

    def check_guarded(self) -> None:
        """See that the cluster lets nobody in without a token: who may start a job runs whatever they like.

        Raises:
            ClusterError: if it does, or does not answer.
        """
        try:
            self._open("GET", "/api/jobs/nobody", None, token=False)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 401:
                return
            if error.code >= 500:
                raise self._unwell(error) from error
        except (OSError, HTTPException) as error:
            raise self._silent(error) from error
        raise ClusterError(
            "The Ray cluster runs commands for anybody who can reach it. Start every node with RAY_AUTH_MODE=token."
        )

    def _room_on(self, resources: Mapping[str, float]) -> int:
        asked = {"CPU": self.settings.cpus, "GPU": self.settings.gpus}
        return min(int(resources.get(kind, 0) / amount + 1e-9) for kind, amount in asked.items() if amount)

    def _ask(self, verb: str, path: str, content: Any = None, *, missing: bool = False) -> Any:
        """The answer; None where `missing` allows that there is none.

        Raises:
            ClusterError, RefusedError.
        """
        try:
            answer = self._open(verb, path, content)
            return json.loads(answer)
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(_MOST_BYTES).decode("utf-8", errors="replace").strip()
            if error.code == 404 and missing:
                return None
            if error.code in (401, 403):
                raise ClusterError(
                    "The Ray cluster does not accept the token of this server; compare the files of the token."
                ) from error
            if error.code == 400:
                last = said.splitlines()[-1] if said else ""
                raise RefusedError(f"The Ray cluster did not take the run ({shortened(last)}).") from error
            raise self._unwell(error) from error
        except (OSError, HTTPException, ValueError) as error:
            raise self._silent(error) from error

    def _open(self, verb: str, path: str, content: Any, *, token: bool = True) -> bytes:
        request = urllib.request.Request(self.settings.address + path, method=verb)
        if content is not None:
            request.data = json.dumps(content).encode()
            request.add_header("Content-Type", "application/json")
        if token:
            request.add_unredirected_header("Authorization", f"Bearer {self.settings.token.get_secret_value()}")
        with self._opener.open(request, timeout=self.timeout) as answer:
            return answer.read(_MOST_BYTES)

    def _read(self, kind: type[BaseModel], answer: Any) -> Any:
        try:
            return kind.model_validate(answer)
        except ValidationError as error:
            raise self._silent(error) from error

    def _unwell(self, error: urllib.error.HTTPError) -> ClusterError:
        return ClusterError(f"The Ray cluster answers with an error ({error.code}); look at the log of its head.")

    def _silent(self, error: Exception) -> ClusterError:
        return ClusterError(
            f"The Ray cluster does not answer ({type(error).__name__}); the runs wait until it does. Is its head "
            "running, and RAY_API_SERVER_ADDRESS its address?"
        )


class _Node(BaseModel):
    state: str
    resources_total: dict[str, float] = {}


class _Listed(BaseModel):
    result: list[_Node]


class _Data(BaseModel):
    result: _Listed


class _Nodes(BaseModel):
    data: _Data


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A cluster that sends us elsewhere is none: the token goes to its address alone."""

    def redirect_request(self, *_: Any) -> None:
        return None
