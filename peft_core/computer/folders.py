"""The folders that are written to: where each lies, whether it can be written, how much is free, what moves it."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from peft_core.computer.finding import Finding
from peft_core.files import TEMPORARY
from peft_core.hub_cache import hub_cache
from peft_core.paths import CACHE, RUNS, cache_dir, can_be_written, runs_dir, stands_in
from peft_core.reviews.splits import is_kept
from peft_core.statistics.formats import bytes_text
from peft_core.training.runs.upkeep import RESERVE_GB

LITTLE_DISK = 1_000_000_000  # bytes; a run of full fine-tuning keeps 43 MB, a first start makes 100


class Folder(Finding):
    """One of them."""

    variable: str
    path: str | None
    writable: bool
    free_bytes: int | None = None


def folders() -> tuple[Folder, ...]:
    """All that the project writes to without being told where."""
    return runs(runs_dir()), cache(cache_dir()), temporary(), hub()


def runs(path: Path) -> Folder:
    """Training runs and what they keep; the keys of a server."""
    folder = _looked_at("runs", RUNS, path)
    if not folder.writable:
        return _wrong(folder, "No run can be started in the app.")
    if folder.free_bytes is not None and folder.free_bytes < RESERVE_GB * 1e9:
        then = f"No run is started below {RESERVE_GB} GB: delete runs that nobody needs, or set {RUNS} to a folder."
        return folder.model_copy(update={"state": "wrong", "then": then, "public": "its disk is full"})
    return _standing_in(folder)


def cache(path: Path) -> Folder:
    """What can be made again, the reviews first of all."""
    folder = _looked_at("cache", CACHE, path)
    if folder.writable:
        return _standing_in(folder)
    if is_kept():
        return _noted(folder, "The reviews are in it; what a base model answers is measured each time anew.")
    return _wrong(folder, "The reviews cannot be made ready, and no model be trained or measured.")


def temporary() -> Folder:
    """Checkpoints that somebody brings as a zip file, or in another library's form."""
    try:
        return _looked_at("temporary files", TEMPORARY, Path(tempfile.gettempdir()))
    except OSError as error:  # none of the usual ones can be written
        folder = Folder(
            name="temporary files", variable=TEMPORARY, path=None, writable=False, found=str(error.strerror or error),
            public="cannot be written",
        )  # fmt: skip
        return _noted(folder, "Zip files and checkpoints of other libraries cannot be opened.")


def hub() -> Folder:
    """What the Hugging Face Hub gave."""
    folder = _looked_at("Hugging Face cache", "HF_HOME", hub_cache())
    if folder.writable:
        return folder
    return _noted(folder, "What it has can be used, and nothing can be downloaded into it.")


def _looked_at(name: str, variable: str, path: Path) -> Folder:
    free = None
    there = next((each for each in (path, *path.parents) if os.path.exists(each)), path)
    with suppress(OSError):
        free = shutil.disk_usage(there).free
    writable = can_be_written(path)
    words = [str(path)] if writable else [f"{path} cannot be written"]
    words += [] if free is None else [f"{bytes_text(free)} free"]
    folder = Folder(
        name=name, variable=variable, path=str(path), writable=writable, free_bytes=free,
        found=f"{', '.join(words)} ({variable} moves it)",
        public="can be written" if writable else "cannot be written",
    )  # fmt: skip
    if writable and free is not None and free < LITTLE_DISK:
        then = f"Free some space, or set {variable} to a folder on another disk."
        return folder.model_copy(update={"state": "note", "then": then, "public": "its disk is nearly full"})
    return folder


def _standing_in(folder: Folder) -> Folder:
    """A note where it stands in for the project's own."""
    if folder.state != "ok" or not stands_in(folder.variable):
        return folder
    then = "It stands in for the project's own, which cannot be written."
    return folder.model_copy(update={"state": "note", "then": then})


def _wrong(folder: Folder, what: str) -> Folder:
    return folder.model_copy(update={"state": "wrong", "then": f"{what} {_set(folder)}"})


def _noted(folder: Folder, what: str) -> Folder:
    return folder.model_copy(update={"state": "note", "then": f"{what} {_set(folder)}"})


def _set(folder: Folder) -> str:
    return f"Set {folder.variable} to a folder that can be written."
