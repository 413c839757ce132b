"""How other libraries print a T5 with a method in it: read from a record, not made here. No torch.

AdapterHub's library and OpenDelta do not run beside this project's transformers, so their trees were printed once, in
an environment of their own (`tests/golden/build/library_trees.py`).
"""

from pathlib import Path

from peft_core.paths import RESULTS
from peft_core.validated import Frozen, read_json

TREES = RESULTS / "library-trees.json"


class Printed(Frozen):
    """What one library prints of one method: `made` is the call, `summary` its own count, `tree` the modules."""

    made: str
    summary: str
    tree: str


class Prints(Frozen):
    """One library, in the versions that it was run with."""

    versions: dict[str, str]
    methods: dict[str, Printed]


class LibraryTrees(Frozen):
    """All of them, of one base model."""

    base: str
    libraries: dict[str, Prints]

    def of(self, method: str) -> dict[str, Printed]:
        """Library → what it prints of this method."""
        return {name: prints.methods[method] for name, prints in self.libraries.items() if method in prints.methods}


def library_trees(path: Path = TREES) -> LibraryTrees:
    """The record.

    Raises:
        PeftClassroomError: if it is missing or damaged.
    """
    return read_json(path, LibraryTrees, "Restore the file or print again: `tests/golden/build/library_trees.py`.")
