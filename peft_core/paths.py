"""Where things lie on disk. Every folder that the project writes to can be moved with an environment variable."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHIPPED_CHECKPOINTS = ROOT / "checkpoints"
BUNDLED_BASES = SHIPPED_CHECKPOINTS / "base"


def runs_dir() -> Path:
    """Folder of training runs (`PEFT_RUNS_DIR`, default `runs/` in the project)."""
    return Path(os.environ.get("PEFT_RUNS_DIR") or ROOT / "runs")


def cache_dir() -> Path:
    """Folder of files that can be made again at any time (`PEFT_CACHE_DIR`, default `.cache/` in the project)."""
    return Path(os.environ.get("PEFT_CACHE_DIR") or ROOT / ".cache")


def display_path(path: Path) -> str:
    """Relative to the project where possible."""
    resolved = path.resolve()
    return str(resolved.relative_to(ROOT)) if resolved.is_relative_to(ROOT) else str(path)
