"""Where things lie on disk. Every folder that the project writes to can be moved with an environment variable."""

import os
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


def runs_dir() -> Path:
    """Folder of training runs: `PEFT_RUNS_DIR`, else `runs/` in the project, or the user's data folder if installed."""
    return Path(os.environ.get("PEFT_RUNS_DIR") or (user_data_path(_NAME) if INSTALLED else ROOT) / "runs")


def cache_dir() -> Path:
    """Folder of files that can be made again: `PEFT_CACHE_DIR`, else `.cache/` in the project, or the user's own."""
    return Path(os.environ.get("PEFT_CACHE_DIR") or (user_cache_path(_NAME) if INSTALLED else ROOT / ".cache"))


def display_path(path: Path) -> str:
    """Relative to the project where possible."""
    resolved = Path(os.path.realpath(path))  # `resolve` raises at a link to itself
    return str(resolved.relative_to(ROOT)) if resolved.is_relative_to(ROOT) else str(path)
