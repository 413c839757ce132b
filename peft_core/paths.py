"""Where things lie on disk. Every folder that the project writes to can be moved with an environment variable.

A checkout may lie on a disk that cannot be written, as one for a whole class does. What would be written into it then
goes to the user's own folders, and the log says so once: on the terminal, where a command was given there.
"""

import logging
import os
import secrets
from functools import cache
from pathlib import Path

from platformdirs import user_cache_path, user_data_path

_NAME = "peft-classroom"
_PACKAGE = Path(__file__).resolve().parent
INSTALLED = (_PACKAGE / "shipped").is_dir()  # a wheel carries checkpoints and measurements inside the package
IMPORTED_FROM = _PACKAGE.parent  # a process of our own finds the package here
ROOT = _PACKAGE / "shipped" if INSTALLED else _PACKAGE.parent
SHIPPED_CHECKPOINTS = ROOT / "checkpoints"
BUNDLED_BASES = SHIPPED_CHECKPOINTS / "base"
RESULTS = ROOT / "benchmarks" / "results"  # what pages and README quote
RUNS, CACHE = "PEFT_RUNS_DIR", "PEFT_CACHE_DIR"  # the variables that move the two folders
_log = logging.getLogger("peft_core.paths")


def runs_dir() -> Path:
    """Folder of training runs: `PEFT_RUNS_DIR`, else `runs/` in the project, or the user's data folder if installed.

    The user's also where the project's cannot be written.
    """
    return _folder(RUNS)


def cache_dir() -> Path:
    """Folder of files that can be made again: `PEFT_CACHE_DIR`, else `.cache/` in the project, or the user's own.

    The user's also where the project's cannot be written.
    """
    return _folder(CACHE)


def stands_in(variable: str) -> str:
    """The sentence that a folder of the user's stands in for the project's, which cannot be written; "" if none does.

    Args:
        variable: the one that moves the folder.
    """
    if os.environ.get(variable) or INSTALLED:
        return ""
    ours, users = _usual(variable)
    return _instead(variable, ours, users)


def can_be_written(folder: Path) -> bool:
    """Whether files can be written into a folder, or it can be made. It is not made."""
    there = next((each for each in (folder, *folder.parents) if os.path.exists(each)), None)
    if there is None or not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return False
    if os.name != "nt":
        return True
    trial = there / f".{secrets.token_hex(8)}"  # Windows says of any folder that it can be written
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError:
        return False
    return True


def display_path(path: Path) -> str:
    """Relative to the project where possible."""
    resolved = Path(os.path.realpath(path))  # `resolve` raises at a link to itself
    return str(resolved.relative_to(ROOT)) if resolved.is_relative_to(ROOT) else str(path)


def _folder(variable: str) -> Path:
    if asked := os.environ.get(variable):
        return Path(asked)
    ours, users = _usual(variable)
    return users if INSTALLED or _instead(variable, ours, users) else ours


def _usual(variable: str) -> tuple[Path, Path]:
    """(in the project, of the user)."""
    if variable == RUNS:
        return ROOT / "runs", user_data_path(_NAME) / "runs"
    return ROOT / ".cache", user_cache_path(_NAME)


@cache  # for the whole process: what is kept does not move because a disk could not be written for a moment
def _instead(variable: str, ours: Path, users: Path) -> str:
    """Why `users` is used and not `ours`, which is logged; "" where it is not."""
    if can_be_written(ours) or not can_be_written(users):
        return ""
    what = "training runs" if variable == RUNS else "files that can be made again"
    why = (
        f"The project's folder {display_path(ours)} cannot be written, so {what} are kept in {users}; "
        f"{variable} names another folder."
    )
    _log.warning("%s", why)
    return why
