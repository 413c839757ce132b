"""Several checkpoints of one base model put together: the sum of their updates, each with a weight of its own.

    ΔW = Σ wᵢ·ΔWᵢ        at every matrix that one of them changes

Stored as LoRA. Where every update is a product of two factors, ΔWᵢ = sᵢ·Bᵢ·Aᵢ, the sum is one, too:

    ΔW = [w₁s₁B₁ … wₖsₖBₖ]·[A₁; …; Aₖ]        of rank Σ rᵢ, exact

`rank` cuts it to the nearest matrix of that rank, by its SVD (Eckart & Young 1936). An update that is no such product
(DoRA, (IA)³) has to be cut.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import torch
from torch import nn

from peft_core.checkpoints.agreement import method_described
from peft_core.checkpoints.exchange.forms import lora
from peft_core.checkpoints.files import check_free, copy_tensors, load_checkpoint, save_checkpoint
from peft_core.checkpoints.record import AdoptedRecord, Record
from peft_core.checkpoints.run_json import read_record
from peft_core.errors import PeftClassroomError
from peft_core.methods import apply_method, trainable_tensors
from peft_core.methods.common import wrapped_linears
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_label
from peft_core.reviews.tasks import check_one_task
from peft_core.t5.backbone import Backbone, load_backbone
from peft_core.t5.linear_form import dense
from peft_core.validated import shortened

MOST = 10  # checkpoints at once
HIGHEST_RANK = 1024


@dataclass(frozen=True)
class Update:
    """ΔW of one matrix, as the product `up` (out, r) · `down` (r, in), or, where it is none, as `whole` (out, in)."""

    up: torch.Tensor | None = None
    down: torch.Tensor | None = None
    whole: torch.Tensor | None = None

    def times(self, weight: float) -> "Update":
        """weight·ΔW"""
        if self.whole is not None:
            return Update(whole=weight * self.whole)
        return Update(weight * self.up, self.down)


@dataclass(frozen=True)
class Merged:
    """What was made. `lost`: share of the squared Frobenius norm of all ΔW that the cut took away; 0 if none was."""

    record: AdoptedRecord
    rank: int
    lost: float


def merge_checkpoints(
    paths: Sequence[Path], weights: Sequence[float], out: Path, rank: int | None = None, base: str | None = None
) -> Merged:
    """Save Σ wᵢ·ΔWᵢ of the checkpoints in `paths` as LoRA in `out`.

    Args:
        rank: cut every ΔW to it; None: keep all.
        base: where their base model lies, if not where the first one's record says.

    Raises:
        PeftClassroomError: if `out` exists, the checkpoints are of different base models, one of them changes more than
            weight matrices, or the sum needs a rank and none is given.
    """
    check_free(out)
    if not 2 <= len(paths) <= MOST:
        raise PeftClassroomError(f"Between 2 and {MOST} checkpoints can be merged, and {len(paths)} are given.")
    if len(weights) != len(paths) or not all(map(isfinite, weights)):
        raise PeftClassroomError(f"{len(paths)} checkpoints need as many weights, and {len(weights)} are given.")
    if rank is not None and not 1 <= rank <= HIGHEST_RANK:
        raise PeftClassroomError(f"A rank is between 1 and {HIGHEST_RANK}, not {rank}.")
    records = [read_record(path) for path in paths]
    _same_base(records, paths)
    check_one_task([record.learned for record in records], [path.resolve().name for path in paths])
    backbone = load_backbone(base or records[0].base, records[0].prefix)
    parts = [
        {name: update.times(weight) for name, update in updates(path, backbone).items()}
        for path, weight in zip(paths, weights, strict=True)
    ]
    model, config, kept, lost = merged_model(parts, rank, backbone)
    named = " + ".join(f"{weight:g}·{path.resolve().name}" for path, weight in zip(paths, weights, strict=True))
    cut = f"Cut to rank {rank}: {lost:.2%} of ΔW (of its squared Frobenius norm) is lost." if rank else ""
    lengths = [record.max_length for record in records]
    differ = f"They read {' and '.join(map(str, lengths))} tokens; this one reads {max(lengths)}."
    record = AdoptedRecord(
        name=f"{method_label(config)}, merged from {len(paths)}",
        base_fingerprint=backbone.identity.weights,
        trainable_parameters=sum(p.numel() for p in trainable_tensors(model).values()),
        total_parameters=sum(p.numel() for p in model.parameters()),
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        task=records[0].learned.task,
        own=records[0].learned.own,
        base=records[0].base,
        method=config,
        max_length=max(lengths),
        origin="merged",
        source=shortened("".join(c for c in named if c.isprintable()), 290),
        notes=tuple(note for note in (cut, differ if len(set(lengths)) > 1 else "") if note),
    )
    save_checkpoint(model, record, backbone, out)
    return Merged(record, kept, lost)


def merged_model(
    parts: Sequence[dict[str, Update]], rank: int | None, backbone: Backbone
) -> tuple[nn.Module, MethodConfig, int, float]:
    """The sum of these updates as LoRA; its configuration, its rank, the share of its squared norm that was cut off.

    Raises:
        PeftClassroomError: if the sum needs a rank and none is given, or one that no LoRA here has.
    """
    factors, lost = _added(parts, rank)
    kept = max(up.shape[1] for up, _ in factors.values())
    return (*_as_lora(factors, kept, backbone), kept, lost)


@torch.no_grad()
def updates(path: Path, backbone: Backbone) -> dict[str, Update]:
    """ΔW of every matrix that the checkpoint changes, by its dotted name, in double precision.

    Raises:
        PeftClassroomError: if it changes anything beside matrices.
    """
    model, record = load_checkpoint(path, backbone)
    layers = wrapped_linears(model)
    beside = [name for name in trainable_tensors(model) if not any(name.startswith(f"{dotted}.") for dotted in layers)]
    if beside or not layers:
        raise PeftClassroomError(
            f"{path.resolve().name} ({method_label(record.method)}) does not change weight matrices alone, so it has "
            "no ΔW that could be added. Choose checkpoints of LoRA, DoRA or (IA)³."
        )
    return {dotted: _update(layer) for dotted, layer in layers.items()}


def _update(layer: nn.Module) -> Update:
    form = layer.linear_form()
    if form.up is not None and form.scale_in is None and form.scale_out is None:
        return Update(form.factor * form.up.double(), form.down.double())
    return Update(whole=dense(form).double() - form.weight.double())


def _added(
    parts: Sequence[dict[str, Update]], rank: int | None
) -> tuple[dict[str, tuple[torch.Tensor, torch.Tensor]], float]:
    """Name → the two factors of the sum, and the share of its squared norm that was cut off."""
    names = list(dict.fromkeys(name for part in parts for name in part))
    factors, kept, whole = {}, 0.0, 0.0
    for name in names:
        summands = [part[name] for part in parts if name in part]
        if rank is None:
            if any(summand.whole is not None for summand in summands):
                raise PeftClassroomError(
                    f"The update of {name} is no product of two small factors (DoRA and (IA)³ have none), so the sum "
                    "has to be cut: give a rank (--rank)."
                )
            factors[name] = (
                torch.cat([summand.up for summand in summands], dim=1),
                torch.cat([summand.down for summand in summands], dim=0),
            )
            continue
        u, sigmas, vt = _svd(summands)
        root = sigmas[:rank].sqrt()
        factors[name] = u[:, :rank] * root, root.unsqueeze(1) * vt[:rank]
        kept += float(sigmas[:rank].square().sum())
        whole += float(sigmas.square().sum())
    return factors, 1 - kept / whole if whole else 0.0


def _svd(summands: Sequence[Update]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Thin SVD of the sum: of low rank by the QR of its factors, so that no (out, in) matrix is taken apart."""
    if any(summand.whole is not None for summand in summands):
        total = sum(s.whole if s.whole is not None else s.up @ s.down for s in summands)
        return torch.linalg.svd(total, full_matrices=False)
    q_up, r_up = torch.linalg.qr(torch.cat([s.up for s in summands], dim=1))
    q_down, r_down = torch.linalg.qr(torch.cat([s.down for s in summands], dim=0).T)
    u, sigmas, vt = torch.linalg.svd(r_up @ r_down.T, full_matrices=False)
    return q_up @ u, sigmas, vt @ q_down.T


def _as_lora(factors: dict[str, tuple[torch.Tensor, torch.Tensor]], rank: int, backbone: Backbone):
    """The model with these factors, alpha = r, and its configuration; smaller ones are filled up with zeros.

    Raises:
        PeftClassroomError: if the rank is higher than any LoRA here.
    """
    if rank > HIGHEST_RANK:
        raise PeftClassroomError(f"The sum has rank {rank}, and {HIGHEST_RANK} is the most: give a smaller --rank.")
    description = lora.description(factors, rank, rank)
    method = method_described(description)
    assert method is not None  # it is written for the method that reads it
    config = method.read(description, backbone.base.architecture).config
    model = apply_method(backbone.replica(), config)
    tensors = {}
    for name, (up, down) in factors.items():
        missing = rank - up.shape[1]
        tensors[lora.stored(name, "lora_B")] = nn.functional.pad(up, (0, missing)).float()
        tensors[lora.stored(name, "lora_A")] = nn.functional.pad(down, (0, 0, 0, missing)).float()
    copy_tensors(tensors, method, model, "the merged checkpoint")
    return model.eval(), config


def _same_base(records: Sequence[Record], paths: Sequence[Path]) -> None:
    for record, path in zip(records, paths, strict=True):
        if record.base_fingerprint != records[0].base_fingerprint or record.prefix != records[0].prefix:
            raise PeftClassroomError(
                f"{path.resolve().name} was trained on another base model ({shortened(record.base, 80)}) than "
                f"{paths[0].resolve().name} ({shortened(records[0].base, 80)}): their updates cannot be added."
            )
