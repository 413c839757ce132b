"""Names that students give themselves, for the teacher's list: free text, which is never anything but text.

A name lies beside the runs, in a file that is called after the browser. It is asked for only where there are runs of
that browser, and goes when the last of them is deleted by the teacher.
"""

import hashlib
import unicodedata
from pathlib import Path

from peft_core.files import write_atomic, writing

MOST_LETTERS = 40
_MOST_BYTES = 4 * MOST_LETTERS


class Names:
    """The names of the students of one server.

    Args:
        root: the folder of runs.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / ".server" / "names"

    def __getitem__(self, owner: str) -> str:
        """The name of an owner of runs; "" without one."""
        try:
            with open(self._file(owner), encoding="utf-8") as file:
                return one_line(file.read(_MOST_BYTES))
        except (OSError, ValueError):
            return ""

    def __setitem__(self, owner: str, name: str) -> None:
        """Raises:
        PeftClassroomError: if the folder cannot be written.
        """
        name = one_line(name)
        with writing(self._folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not name:
                self._file(owner).unlink(missing_ok=True)
                return
        write_atomic(self._file(owner), name)

    def keep_only(self, owners: set[str]) -> None:
        """Forget the names of all others: of whoever has no run any more."""
        kept = {self._file(owner) for owner in owners}
        with writing(self._folder):
            for path in self._folder.glob("*"):
                if path not in kept:
                    path.unlink(missing_ok=True)

    def _file(self, owner: str) -> Path:
        return self._folder / hashlib.sha256(owner.encode()).hexdigest()


def one_line(name: str) -> str:
    """What a person reads as a name: one line of letters, without characters that are not seen or turn the line."""
    seen = "".join(
        " " if one.isspace() else one for one in name if one.isspace() or unicodedata.category(one)[0] != "C"
    )
    return " ".join(seen.split())[:MOST_LETTERS].strip()
