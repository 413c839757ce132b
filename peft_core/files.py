"""Files are written as a whole, and a folder that cannot be written is told in one sentence that names it."""

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile, mkdtemp

from peft_core.errors import PeftClassroomError
from peft_core.paths import CACHE, RUNS, cache_dir, display_path, runs_dir

TEMPORARY = "TEMP" if os.name == "nt" else "TMPDIR"  # the variable that moves the temporary folder
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)  # where more space would not help


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
            f"{display_path(folder)} cannot be written ({error.strerror or error}); {_way_out(folder, error)}."
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


def temporary_folder(prefix: str) -> Path:
    """A new folder among the system's temporary ones; whoever made it removes it.

    Raises:
        PeftClassroomError: if none can be made.
    """
    try:
        return Path(mkdtemp(prefix=prefix))
    except OSError as error:
        raise PeftClassroomError(
            f"No temporary folder can be made ({error.strerror or error}); free some space, or set {TEMPORARY} to a "
            "folder that can be written."
        ) from error


def _way_out(folder: Path, error: OSError) -> str:
    space = "" if error.errno in _FORBIDDEN else "free some space, or "
    for variable, root in ((RUNS, runs_dir()), (CACHE, cache_dir())):
        if folder.resolve().is_relative_to(root.resolve()):
            return f"{space}set {variable} to a folder that can be written"
    return f"{space}choose a folder that can be written"
