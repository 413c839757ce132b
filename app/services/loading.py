"""The heavy libraries: torch and transformers take seconds to import; a thread does it after the first page is painted.

Until then pages count by hand and say that `numel()` is on its way.
"""

import os
import threading

import streamlit as st

from app.services import garbage
from peft_core.errors import PeftClassroomError

SECONDS_BEFORE_IMPORTS = 0.5
IMPORTED = threading.Event()  # libraries and example reviews are in: for whoever has no session to ask `libraries()`
EXAMPLES_PER_LABEL = 6


class HeavyImports:
    """Imports torch and friends in the background, then reads the example reviews. Never touches streamlit.

    `ready` is set when the libraries are in (or `error` says why not), `finished` when there is nothing to wait for.
    """

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.finished = threading.Event()
        self.error: str | None = None
        self.examples: list[tuple[str, int]] = []
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin would slow a training run tenfold
        os.environ.setdefault("GOMP_SPINCOUNT", "3000")  # but a moment: being woken up again takes longer
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        timer = threading.Timer(SECONDS_BEFORE_IMPORTS, self._import)
        timer.daemon = True
        timer.start()

    def _import(self) -> None:
        try:
            import datasets  # noqa: F401
            import py3langid.langid  # noqa: F401

            import peft_core.checkpoints.asking.predictor
            import peft_core.counting.by_numel  # noqa: F401
            from peft_core.checkpoints.asking.memory import keep_freed_memory

            keep_freed_memory()
        except ImportError as error:
            self.error = (
                f"{error.name or 'A library'} cannot be imported: run `make app` again to install what is missing."
            )
        garbage.freeze()
        garbage.keep_collecting()
        self.ready.set()
        if self.error is None:
            self.examples = _examples()
        self.finished.set()
        if self.error is None:
            IMPORTED.set()
            from peft_core.reviews.language import is_english

            is_english("")  # reads its tables, so that the first question need not


@st.cache_resource(show_spinner=False)
def libraries() -> HeavyImports:
    return HeavyImports()


@st.fragment(run_every=1.0)
def _poll_until(event: threading.Event) -> None:
    if event.is_set():
        st.rerun()


def rerun_when_ready(examples: bool = False) -> None:
    """Draw this page again as soon as torch is in, and (if it shows them) when the example reviews are."""
    events = (libraries().ready, libraries().finished) if examples else (libraries().ready,)
    for event, at_first in zip(events, st.session_state.get("loaded at first", (True, True)), strict=False):
        if not event.is_set():
            return _poll_until(event)
        if not at_first:  # it came while this page was being drawn, and parts of it still say that they wait
            st.rerun()


def examples() -> list[tuple[str, int]]:
    """A few short reviews of the test split, with their label: negative ones first. Empty while they are being read."""
    return libraries().examples


def _examples() -> list[tuple[str, int]]:
    """Read the examples (slow once: the Arrow file is built). Called from the import thread."""
    from peft_core.reviews.splits import load_splits

    try:
        test = load_splits()["test"]
    except (OSError, PeftClassroomError):  # nothing to choose from; reviews can still be typed
        return []
    texts, labels = test["text"][:], test["label"][:]
    chosen = []
    for wanted in (0, 1):
        rows = [
            i for i, (text, y) in enumerate(zip(texts, labels, strict=True)) if y == wanted and 150 < len(text) < 450
        ]
        chosen += [(texts[i], wanted) for i in rows[:: max(1, len(rows) // EXAMPLES_PER_LABEL)][:EXAMPLES_PER_LABEL]]
    return chosen
