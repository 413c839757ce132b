"""Cached handles of the server: the heavy libraries, the runs, the predictors. One of each for all sessions.

Torch and transformers take seconds to import, so a thread of its own imports them after the first page is painted.
Until then pages count by hand and say that `numel()` is on its way.
"""

import gc
import hashlib
import os
import threading
import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

import streamlit as st

from app.components.places import place_of
from peft_core.checkpoints.listing import CheckpointInfo, list_checkpoints
from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.t5.architecture import Architecture, base_model
from peft_core.training.runs import LocalBackend, RunStore

if TYPE_CHECKING:
    from peft_core.checkpoints.predictor import Prediction

SECONDS_BEFORE_IMPORTS = 0.5
SECONDS_IN_LINE = 20
EXAMPLES_PER_LABEL = 6


class HeavyImports:
    """Imports torch and friends in the background, then reads the example reviews. Never touches streamlit.

    `ready` is set when the libraries are in (or `error` says why not), `finished` when there is nothing left to do.
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

            import peft_core.checkpoints.predictor
            import peft_core.counting.by_numel  # noqa: F401
            from peft_core.checkpoints.memory import keep_freed_memory

            keep_freed_memory()
        except ImportError as error:
            self.error = (
                f"{error.name or 'A library'} cannot be imported: run `make app` again to install what is missing."
            )
        gc.collect()
        gc.freeze()  # streamlit collects garbage after every rerun: without this, through all of torch's objects
        self.ready.set()
        if self.error is None:
            self.examples = _examples()
        self.finished.set()


@st.cache_resource(show_spinner=False)
def heavy() -> HeavyImports:
    return HeavyImports()


@st.cache_resource(show_spinner=False)
def backend() -> LocalBackend:
    """The runs of this server, those that outlived the last one included."""
    return LocalBackend(RunStore())


@st.cache_resource(show_spinner=False)
def _keep_spare() -> None:
    """From now on a worker is kept ready, unless PEFT_SPARE_WORKER=0 saves its memory (0.4 GB)."""
    backend().keep_spare = os.environ.get("PEFT_SPARE_WORKER", "1") != "0"


def has_ended(run_id: str) -> bool:
    """Whether nothing more happens to this run. One that was never taken has not ended: it may still be submitted."""
    try:
        return backend().store.read(run_id).status.finished
    except PeftClassroomError:
        return False


def start() -> None:
    """What has to be under way before any page. Whoever looks at one moves the queue on, too: a few milliseconds."""
    st.session_state["loaded at first"] = heavy().ready.is_set(), heavy().finished.is_set()
    if heavy().finished.is_set() and not heavy().error:  # not while this process still imports the same
        _keep_spare()
    backend().reconcile()


@st.fragment(run_every=1.0)
def _poll_until(event: threading.Event) -> None:
    if event.is_set():
        st.rerun()


def rerun_when_ready(examples: bool = False) -> None:
    """Draw this page again as soon as torch is in, and (if it shows them) when the example reviews are."""
    events = (heavy().ready, heavy().finished) if examples else (heavy().ready,)
    for event, at_first in zip(events, st.session_state.get("loaded at first", (True, True)), strict=False):
        if not event.is_set():
            return _poll_until(event)
        if not at_first:  # it came while this page was being drawn, and parts of it still say that they wait
            st.rerun()


def numel(architecture: Architecture, config: MethodConfig):
    """The count by `numel()`, or None while torch is still being imported."""
    if not heavy().ready.is_set() or heavy().error:
        return None
    from peft_core.counting.by_numel import count_by_numel

    return count_by_numel(architecture, config)


def numel_by_place(architecture: Architecture, config: MethodConfig) -> dict[str, int] | None:
    """`numel()` of what trains, added up by stack and kind of layer; None while torch is still being imported.

    The keys are the words with which the lines of a hand calculation begin.
    """
    if not heavy().ready.is_set() or heavy().error:
        return None
    return _numel_by_place(architecture, config)


@lru_cache(maxsize=512)
def _numel_by_place(architecture: Architecture, config: MethodConfig) -> dict[str, int]:
    from peft_core.counting.by_numel import trainable_rows

    sums: Counter[str] = Counter()
    for row in trainable_rows(architecture, config):
        sums[place_of(row.name)] += row.numel
    return dict(sums)


def device() -> str | None:
    """The device a run will use, in words; None while torch is still being imported."""
    if not heavy().ready.is_set() or heavy().error:
        return None
    return _device()


def machine() -> tuple[str, str] | None:
    """Device and precision of a run here, as its record will have them; None while torch is still being imported."""
    where = device()
    return where and (where, _precision())


@st.cache_resource(show_spinner=False)
def _device() -> str:
    from peft_core.training.device import describe, pick_device

    return describe(pick_device())


@st.cache_resource(show_spinner=False)
def _precision() -> str:
    from peft_core.training.device import compute_dtype, pick_device, precision_name

    return precision_name(compute_dtype(pick_device()))


@st.cache_data(ttl=60, show_spinner=False)
def loadable(base: str) -> bool:
    """Whether this base model can be loaded here without asking the network: bundled, or in the local cache."""
    model = base_model(base)
    if model.bundled:
        return True
    from huggingface_hub import try_to_load_from_cache

    return all(
        isinstance(try_to_load_from_cache(model.source, name), str) for name in ("config.json", "model.safetensors")
    )


def owner() -> str:
    """An anonymous key of this browser: who may cancel a run. Survives a reload, names nobody.

    Streamlit gives every browser a random token against forged requests; its hash serves. Without it, the session.
    """
    token = _browser_token(st.context.cookies.get("_streamlit_xsrf"))
    if token:
        return hashlib.sha256(token).hexdigest()[:32]
    return st.session_state.setdefault("owner", uuid.uuid4().hex)


def _browser_token(cookie: str | None) -> bytes | None:
    """The token inside Streamlit's cookie "2|mask|masked token|time"; the mask is a new one after every reload."""
    try:
        version, mask, masked, _ = str(cookie).strip("\"'").split("|")
        key, token = bytes.fromhex(mask), bytes.fromhex(masked)
    except ValueError:
        return None
    if version != "2" or len(key) != 4 or len(token) < 16:
        return None
    return bytes(byte ^ key[place % 4] for place, byte in enumerate(token))


@st.cache_resource(ttl=2, show_spinner=False)
def checkpoints() -> tuple[CheckpointInfo, ...]:
    """Shipped and trained checkpoints; a run that just finished appears within two seconds. Frozen: all share them."""
    return tuple(list_checkpoints())


@st.cache_resource(max_entries=2, show_spinner=False)
def predictor(base: str):
    """The one Predictor of this base model, for all sessions. Use it, and its backbone, inside `turn()`."""
    from peft_core.checkpoints.predictor import Predictor
    from peft_core.t5.backbone import load_backbone

    return Predictor(load_backbone(base))


@st.cache_resource(show_spinner=False)
def _line() -> threading.Semaphore:
    return threading.Semaphore(1)


@contextmanager
def turn(base: str):
    """The predictor of `base`, while no other session computes: models are shared, and so are the cores.

    Raises:
        PeftClassroomError: when the base model is not on this computer, or the server is too busy.
    """
    if not loadable(base):
        raise PeftClassroomError(f"This needs the base model {base}, which is not on this computer.")
    if not _line().acquire(timeout=SECONDS_IN_LINE):
        raise PeftClassroomError("Many people are asking the models right now; try again in a moment.")
    try:
        _take_cores()
        yield predictor(base)
    finally:
        _line().release()


def _take_cores() -> None:
    """Compute on all cores; on half of them while a run trains. Holds for this thread, so it is said in every turn."""
    import torch

    cores = os.cpu_count() or 1
    training = any(run.status.active for run in backend().store.list())
    torch.set_num_threads(max(1, cores // 2) if training else cores)


def ask(texts: Sequence[str], chosen: Sequence[CheckpointInfo]) -> list["list[Prediction] | PeftClassroomError"]:
    """For each checkpoint, in order, its predictions for `texts`, or why there are none.

    Checkpoints of one base model are asked together, while no other session computes.
    """
    answers: dict[str, list[Prediction] | PeftClassroomError] = {}
    for base in dict.fromkeys(info.base for info in chosen):
        of_base = [info for info in chosen if info.base == base]
        try:
            with turn(base) as model:
                found = model.classify_with_each(texts, [info.path for info in of_base])
        except PeftClassroomError as error:
            found = [error] * len(of_base)
        answers |= {info.name: of_info for info, of_info in zip(of_base, found, strict=True)}
    return [answers[info.name] for info in chosen]


def examples() -> list[tuple[str, int]]:
    """A few short reviews of the test split, with their label: negative ones first. Empty while they are being read."""
    return heavy().examples


def _examples() -> list[tuple[str, int]]:
    """Read them: for seconds the first time, when the reviews are put into an Arrow file. In the background, too."""
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
