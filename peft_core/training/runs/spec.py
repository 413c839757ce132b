"""What a run was asked to do: `RunSpec`, written once, and the limits of a shared classroom server. No torch here.

The limits are checked twice, by the server before it takes a run and by the worker before it trains, because a
`spec.json` on disk is data like any other.
"""

import os
import re
import secrets
from datetime import UTC, datetime

from pydantic import AwareDatetime, Field, field_validator

from peft_core.config import RunConfig, run_name
from peft_core.errors import PeftClassroomError
from peft_core.t5.architecture import catalogue
from peft_core.validated import Frozen

_ID = re.compile(r"[a-z0-9-]{1,64}")


def new_run_id() -> str:
    """A fresh id: the time, so that folders sort by age, and a random part, so that two clicks never collide."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def is_run_id(name: object) -> bool:
    """Whether `name` can be the id of a run: 1 to 64 characters of a-z, 0-9 and "-"."""
    return isinstance(name, str) and _ID.fullmatch(name) is not None


def check_run_id(run_id: str) -> str:
    """`run_id`, if it can be the name of a folder and nothing else; ids reach the app through its URL.

    Raises:
        PeftClassroomError: for anything but 1 to 64 characters of a-z, 0-9 and "-".
    """
    if not is_run_id(run_id):
        raise PeftClassroomError("This is not the id of a run; choose a run from the list.")
    return run_id


class Limits(Frozen):
    """The most that one run may ask of a server that a whole class shares, and may take of it.

    What it asks for is refused before it starts (`check_limits`). What it takes is watched while it trains (guard.py):
    `wall_seconds`, by the clock on the wall and with everything in it; `memory_gb`, resident; `run_gb`, of its folder.
    `owner_gb` is what all runs of one owner may take up on the disk before he can start another. None: no limit.
    """

    max_seconds: float = Field(900, ge=60, allow_inf_nan=False)
    memory_gb: float | None = Field(None, gt=0, allow_inf_nan=False)
    run_gb: float | None = Field(10, gt=0, allow_inf_nan=False)
    owner_gb: float | None = Field(20, gt=0, allow_inf_nan=False)
    train_size: int = 20_000
    max_length: int = 256
    epochs: int = 20
    batch_size: int = 64
    hub_bases: tuple[str, ...] = ("t5-small", "t5-base", "flan-t5-small", "flan-t5-base")

    @property
    def wall_seconds(self) -> float:
        """Loading and the test take as long as a training that was given little time, and downloads take longer."""
        return 2 * self.max_seconds + 1800

    def bases(self) -> list[str]:
        """Base models that may be trained: every bundled one, and the listed ones of the Hugging Face Hub."""
        return [name for name, base in catalogue().items() if base.bundled or name in self.hub_bases]


LIMIT_VARIABLES = {  # of the environment → what they set, what they are
    "PEFT_MAX_SECONDS": ("max_seconds", "a number of seconds from 60 on"),
    "PEFT_MAX_MEMORY_GB": ("memory_gb", "a number of gigabytes above 0"),
    "PEFT_MAX_RUN_GB": ("run_gb", "a number of gigabytes above 0"),
    "PEFT_MAX_OWNER_GB": ("owner_gb", "a number of gigabytes above 0"),
}


def _from_environment() -> Limits:
    """A teacher sets these variables before starting the app; the workers inherit them.

    Raises:
        PeftClassroomError: if one is no such number.
    """
    limits: dict[str, str] = {}
    for variable, (setting, what) in LIMIT_VARIABLES.items():
        asked = os.environ.get(variable)
        if asked is None:
            continue
        try:
            Limits(**{setting: asked})
        except PeftClassroomError as error:
            raise PeftClassroomError(f"{variable} must be {what}, not {asked!r}.") from error
        limits[setting] = asked
    return Limits(**limits)


CLASSROOM_LIMITS = _from_environment()


def check_limits(config: RunConfig, limits: Limits = CLASSROOM_LIMITS) -> None:
    """Refuse a configuration that would keep the others waiting.

    Raises:
        PeftClassroomError: naming the first setting that is too large, and the largest value it may have.
    """
    if config.base not in limits.bases():
        raise PeftClassroomError(
            f"The base model {config.base!r} cannot be trained here; choose one of: {', '.join(limits.bases())}."
        )
    if config.train.max_seconds is None:
        raise PeftClassroomError(
            f"A run here needs a time limit; set max_seconds to at most {limits.max_seconds:,.0f} seconds."
        )
    asked_and_allowed = {
        "max_seconds": (config.train.max_seconds, limits.max_seconds),
        "train_size": (config.data.train_size, limits.train_size),
        "max_length": (config.data.max_length, limits.max_length),
        "epochs": (config.train.epochs, limits.epochs),
        "batch_size": (config.train.batch_size, limits.batch_size),
    }
    for setting, (asked, allowed) in asked_and_allowed.items():
        if asked > allowed:
            raise PeftClassroomError(
                f"{setting} is {asked:,.10g}, which is too much for a shared server; choose at most {allowed:,.10g}."
            )


class RunSpec(Frozen):
    """One run as it was asked for. Never changes after it is written."""

    id: str
    owner: str = Field(min_length=1, max_length=64, description="anonymous key of the session that asked for it")
    created: AwareDatetime
    config: RunConfig
    threads: int | None = Field(None, ge=1, le=1024, description="CPU threads of the worker; None: all cores")

    @field_validator("id", mode="before")
    @classmethod
    def _is_an_id(cls, value: str) -> str:
        return check_run_id(value)

    @property
    def name(self) -> str:
        """A short label for people. Computed from the configuration, so it can never hold text of a user."""
        return run_name(self.config)


def new_spec(config: RunConfig, owner: str, *, threads: int | None = None) -> RunSpec:
    """A spec for `config` with a fresh id, made now. Keep it between clicks: submitting it twice runs it once."""
    return RunSpec(id=new_run_id(), owner=owner, created=datetime.now(UTC), config=config, threads=threads)
