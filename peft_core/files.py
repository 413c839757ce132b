"""Files are written as a whole, and a folder that cannot be written is told in one sentence that names it."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile

from peft_core.errors import PeftClassroomError
from peft_core.paths import cache_dir, display_path, runs_dir


def write_atomic(path: Path, text: str) -> None:
    """Replace a file as a whole: whoever reads it meanwhile, or after a power cut, finds the old or the new text."""
    new = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        with writing(path.parent):
            with open(new, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            _replace(new, path)
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def _replace(new: Path, path: Path, attempts: int = 20) -> None:
    for attempt in range(attempts):
        try:
            return os.replace(new, path)
        except PermissionError:  # Windows, while somebody reads the old file
            if os.name != "nt" or attempt == attempts - 1:
                raise
            time.sleep(0.01)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say in one sentence that the disk is full, or that `folder` may not be written.

    Raises:
        PeftClassroomError: for every OSError inside.
    """
    try:
        yield
    except OSError as error:
        raise PeftClassroomError(
            f"{display_path(folder)} cannot be written ({error.strerror or error}); {_way_out(folder)}."
        ) from error


def make_writable(folder: Path) -> None:
    """Make the folder, if it is not there, and see that files can be written into it: before hours are spent for one.

    Raises:
        PeftClassroomError: if it cannot be made, or not be written into.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass


def _way_out(folder: Path) -> str:
    for variable, root in (("PEFT_RUNS_DIR", runs_dir()), ("PEFT_CACHE_DIR", cache_dir())):
        if folder.resolve().is_relative_to(root.resolve()):
            return f"free some space, or set {variable} to a folder that can be written"
    return "free some space, or choose a folder that can be written"
