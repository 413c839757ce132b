"""What the Rank lab reads from checkpoints: updates ΔW and their singular values, one copy for all sessions.

A checkpoint is known by its folder and by its record's time of change: a replaced one is read again.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app import services
from app.content import label
from peft_core.analysis.spectra.against_base import AgainstBase, against_base
from peft_core.analysis.spectra.delta import random_like
from peft_core.analysis.spectra.spectrum import effective_rank
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.checkpoints.run_json import RECORD, read_run
from peft_core.t5.names import Place

if TYPE_CHECKING:
    from peft_core.analysis.spectra.checkpoint_deltas import Deltas

WITH_UPDATE = ("lora", "full")  # methods that change weight matrices
RANDOM_SEED = 0


@dataclass(frozen=True, eq=False)
class Layer:
    """ΔW of one weight matrix: its shape (out, in), the highest rank it can have, its norm, its σ.

    `random`: the σ of a random matrix of the same shape, highest rank and norm. `rounding`: the part of the norm that
    rounding the stored weights is expected to add, `floor` the largest σ that this has by itself; both 0 for LoRA,
    which is stored in fp32.
    """

    name: Place
    shape: tuple[int, int]
    max_rank: int
    norm: float
    sigmas: np.ndarray
    random: np.ndarray
    rounding: float
    floor: float

    @property
    def effective(self) -> float:
        """The effective rank, from the σ that are not lost in rounding."""
        return effective_rank(self.sigmas, self.floor)


def with_update() -> dict[str, CheckpointInfo]:
    """The checkpoints that have a ΔW, by name: LoRA first, and of each method this browser's own runs."""
    found = [info for info in services.own_first(services.checkpoints()) if info.method in WITH_UPDATE]
    return {info.name: info for info in sorted(found, key=lambda info: WITH_UPDATE.index(info.method))}


def left_out(name: str | None) -> str:
    """Why the checkpoint that a link names has no ΔW to show, though it is here; empty if nothing is known of it."""
    listed = services.listing()
    return next((f"{one.name}: {one.why}" for one in (*listed.damaged, *listed.adopted) if one.name == name), "")


def place_in_words(name: Place) -> str:
    """The sub-layer, as in "decoder 1 · cross-attention"; blocks are counted from 1, as everywhere on the screen."""
    where = {"stack": label("steps", name.stack), "layer": label("steps", name.layer)}
    return label("steps", "place_option", block=name.block + 1, **where)


def in_words(name: Place) -> str:
    """The matrix, as in "decoder 1 · cross-attention · q"."""
    return label("steps", "place_module", place=place_in_words(name), module=name.module)


def layers(info: CheckpointInfo) -> dict[str, Layer]:
    """The updates of a checkpoint in the order of the model, by `Place.key`. About a second the first time.

    Raises:
        PeftClassroomError: if the checkpoint or its base model cannot be loaded, or the server is too busy.
    """
    return _layers(info.base, str(info.path), changed(info))


def deltas(info: CheckpointInfo, trained: bool = True) -> "Deltas":
    """The updates of a LoRA checkpoint themselves, or (not `trained`) its factors before the first step.

    Raises:
        PeftClassroomError: as `layers`.
    """
    return _lora_deltas(info.base, str(info.path), changed(info), trained)


def against(info: CheckpointInfo) -> dict[str, AgainstBase]:
    """The directions of every update in the W₀ that it was added to; matrices that training left alone are not there.

    Raises:
        PeftClassroomError: as `layers`.
    """
    return _against(info.base, str(info.path), changed(info))


def changed(info: CheckpointInfo) -> int:
    """When the record of a checkpoint was written, in nanoseconds: the key of what is remembered of it."""
    record = info.path / RECORD
    return record.stat().st_mtime_ns if record.exists() else 0


@st.cache_resource(max_entries=32, show_spinner=False)
def _layers(base: str, folder: str, changed: int) -> dict[str, Layer]:
    from peft_core.analysis.spectra.checkpoint_deltas import load_deltas

    with services.exclusive_predictor(base, long=True) as predictor:
        found = load_deltas(Path(folder), predictor.backbone)
        layers, units = {}, {}
        for name, delta in found.items():
            services.let_pass()
            kind = delta.shape, delta.max_rank
            if delta.norm and kind not in units:  # the σ of a random matrix grow with its norm and with nothing else
                units[kind] = random_like(delta, RANDOM_SEED).sigmas / delta.norm
            random = delta.norm * units[kind] if delta.norm else np.zeros(delta.max_rank)
            sigmas = delta.sigmas
            layers[name.key] = Layer(name, *kind, delta.norm, sigmas, random, delta.rounding, delta.floor)
    return layers


@st.cache_resource(max_entries=32, show_spinner=False)
def _against(base: str, folder: str, changed: int) -> dict[str, AgainstBase]:
    from peft_core.analysis.spectra.checkpoint_deltas import base_weights, load_deltas

    with services.exclusive_predictor(base, long=True) as predictor:
        weights, found = base_weights(predictor.backbone), {}
        for name, delta in load_deltas(Path(folder), predictor.backbone).items():
            services.let_pass()
            if delta.norm:
                found[name.key] = against_base(delta, weights[name])
        return found


@st.cache_resource(max_entries=32, show_spinner=False)
def _lora_deltas(base: str, folder: str, changed: int, trained: bool) -> "Deltas":
    from peft_core.analysis.spectra.checkpoint_deltas import initial_deltas, load_deltas

    with services.exclusive_predictor(base) as predictor:
        if trained:
            return load_deltas(Path(folder), predictor.backbone)
        return initial_deltas(read_run(Path(folder)), predictor.backbone)
