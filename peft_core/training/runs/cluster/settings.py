"""Which cluster, and what a run gets of it: environment variables, Ray's own names where Ray has one."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, SecretStr

from peft_core.errors import PeftClassroomError
from peft_core.paths import IMPORTED_FROM, INSTALLED
from peft_core.validated import Frozen, validated

_NAMES = {
    "address": "RAY_API_SERVER_ADDRESS",
    "cpus": "PEFT_RAY_CPUS",
    "gpus": "PEFT_RAY_GPUS",
    "running": "PEFT_RAY_RUNNING",
    "python": "PEFT_RAY_PYTHON",
}


class RaySettings(Frozen):
    """A Ray cluster as the server of the runs uses it."""

    address: str = Field("http://127.0.0.1:8265", pattern=r"^https?://[^/\s@]+$", description="of Ray's dashboard")
    token: SecretStr = Field(description="of the cluster; no other part of the server reads it")
    cpus: float = Field(1, gt=0, le=1024, description="cores of a run; its worker computes in as many threads")
    gpus: float = Field(0, ge=0, le=64, description="of a run; a half: two runs share one")
    running: int | None = Field(None, ge=1, le=10_000, description="runs at a time; None: what the nodes have room for")
    python: str = Field(sys.executable, min_length=1, description="of the nodes, with this package installed")

    @property
    def threads(self) -> int:
        """Of a worker: whole cores, at least one."""
        return max(1, int(self.cpus))

    @property
    def environment(self) -> dict[str, str]:
        """What every process of ours on a node is told: its threads, and where the package is that the nodes share."""
        told = {"OMP_NUM_THREADS": str(self.threads), "MKL_NUM_THREADS": str(self.threads)}
        return told if INSTALLED else told | {"PYTHONPATH": str(IMPORTED_FROM)}  # a checkout


def ray_settings(environment: Mapping[str, str] = os.environ) -> RaySettings:
    """The settings as the environment has them.

    Raises:
        PeftClassroomError: if there is no token, or a variable holds something else than it should; says which.
    """
    given = {field: environment[name] for field, name in _NAMES.items() if environment.get(name)}
    token = _token(environment)
    try:
        return validated(lambda: RaySettings(token=SecretStr(token), **given))
    except PeftClassroomError as error:
        names = ", ".join(_NAMES[field] for field in given)
        raise PeftClassroomError(f"The cluster cannot be used as it is described by {names}: {error}") from error


def _token(environment: Mapping[str, str]) -> str:
    """Ray's own token, from where Ray's own programs take it."""
    if token := environment.get("RAY_AUTH_TOKEN", "").strip():
        return token
    path = Path(environment.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        token = ""
    if not token:
        raise PeftClassroomError(
            "There is no token for the Ray cluster. Make one with `ray get-auth-token --generate`, start every node "
            "with RAY_AUTH_MODE=token, and name the file of the token in RAY_AUTH_TOKEN_PATH."
        )
    return token
