"""A checkpoint of another library, put on its base model as strictly as one of ours, and saved in our form.

What is not of the method but stands in its file is compared with the base model: a copy of the base's own weights is
left out, and said; other values would change more than the method says, and are refused.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from peft_core.checkpoints.agreement import check_whole_model, method_described
from peft_core.checkpoints.exchange.recognise import WHOSE, Found, find_base, recognise
from peft_core.checkpoints.files import check_free, copy_tensors, read_tensors, save_checkpoint
from peft_core.checkpoints.record import AdoptedRecord
from peft_core.errors import PeftClassroomError
from peft_core.methods import apply_method, trainable_tensors
from peft_core.methods.method import Method, MethodConfig
from peft_core.methods.reading import written
from peft_core.methods.registry import METHODS, method_label
from peft_core.reviews.config import DataConfig
from peft_core.t5.architecture import BaseModel
from peft_core.t5.backbone import Backbone, load_backbone
from peft_core.validated import shortened, validated

OF_PEFT = "base_model.model."  # what peft puts in front of the base model's own names


@dataclass(frozen=True)
class Adopted:
    """A foreign checkpoint as a model of ours. `notes`: what of it was left out, or read otherwise than written."""

    found: Found
    backbone: Backbone
    model: nn.Module
    config: MethodConfig
    notes: tuple[str, ...]


def base_of(found: Found, given: str | None, folders: bool = True) -> tuple[BaseModel, str]:
    """The base model of `found`: the given one, or the one that it names; and a sentence on how it was found.

    Raises:
        PeftClassroomError: if it is not here.
    """
    if given:
        base, note = find_base(given, folders=True)
    else:
        base, note = find_base(found.base, folders)
    if base is not None:
        return base, note
    if given or found.base:
        named = given or found.base
        raise PeftClassroomError(
            f"The base model {shortened(named)!r} is not known here. Give the name or the folder of the T5 that it was "
            "trained on (--base)."
        )
    raise PeftClassroomError(f"{found.name} names no base model. Give the one that it was trained on (--base).")


def adopt(found: Found, backbone: Backbone, alpha: float | None = None) -> Adopted:
    """The checkpoint as a model over `backbone`'s weights (full fine-tuning: weights of its own), in evaluation mode.

    Raises:
        PeftClassroomError: for a method or a setting that is not supported, and for whatever a checkpoint of ours
            would be refused for.
    """
    native = found.native(alpha)
    method = method_described(native.description)
    if method is None:
        raise PeftClassroomError(_unread(native.description))
    reading = method.read(native.description, backbone.base.architecture)
    tensors = {name: tensor for path in found.weights for name, tensor in read_tensors(path).items()}
    notes = [*native.notes, *reading.notes, *_halved(tensors)]
    tensors, left_out = method.adopt(native.convert(tensors), reading.config)
    model = apply_method(backbone.own_copy() if method.owns_weights else backbone.replica(), reading.config, [0])
    tensors, copies = _without_copies(tensors, method, model, backbone)
    copy_tensors(tensors, method, model, found.name)
    if method.owns_weights:
        check_whole_model(found.path, backbone)
    notes += [*left_out, *copies, *_head(found, backbone)]
    return Adopted(found, backbone, model.eval(), reading.config, tuple(notes))


def import_checkpoint(
    path: Path,
    out: Path,
    base: str | None = None,
    alpha: float | None = None,
    max_length: int | None = None,
) -> AdoptedRecord:
    """Read the foreign checkpoint in `path` and save it in our form in `out`; no figure is made up for it.

    Args:
        base: name or folder of its base model, where it names none that is here.
        alpha: of a loralib file, which does not hold it.
        max_length: tokens of a review that it reads; by default as many as our own.

    Raises:
        PeftClassroomError: if `out` exists, or the checkpoint cannot be read; nothing is written then.
    """
    check_free(out)
    found = recognise(path)
    if found.kind == "ours":
        raise PeftClassroomError(f"{found.name} is a checkpoint of this program already: use it as it is.")
    model, note = base_of(found, base)
    return save_adopted(adopt(found, load_backbone(model.name), alpha), out, max_length, note)


def save_adopted(adopted: Adopted, out: Path, max_length: int | None = None, *notes: str) -> AdoptedRecord:
    """Save it with a record that says what it is and where it comes from; nothing of it was measured.

    Raises:
        PeftClassroomError: if `out` exists, or `max_length` is out of bounds.
    """
    found, backbone = adopted.found, adopted.backbone
    named = f", base {found.base}" if found.base else ""
    record = validated(
        lambda: AdoptedRecord(
            name=f"{method_label(adopted.config)}, from {WHOSE[found.kind]}",
            base_fingerprint=backbone.identity.weights,
            trainable_parameters=sum(p.numel() for p in trainable_tensors(adopted.model).values()),
            total_parameters=sum(p.numel() for p in adopted.model.parameters()),
            created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            base=backbone.base.name,
            method=adopted.config,
            max_length=max_length or DataConfig().max_length,
            origin="imported",
            source=shortened(f"{found.whose}{named}", 290),
            notes=tuple(shortened(note, 490) for note in (*notes, *adopted.notes) if note)[:20],
        )
    )
    save_checkpoint(adopted.model, record, backbone, out)
    return record


# ---------------------------------------------------------------------------------------------------------------------


def _unread(description: Mapping) -> str:
    """Which setting says what it is, and that no method reads it."""
    supported = ", ".join(METHODS)
    if "peft_type" in description:
        return f"peft's setting peft_type = {written(description['peft_type'])} is not supported here; {supported} are."
    return f"This form of checkpoint cannot be read by any method here ({supported})."


def _halved(tensors: Mapping[str, torch.Tensor]) -> list[str]:
    kinds = sorted({str(t.dtype).removeprefix("torch.") for t in tensors.values() if t.dtype != torch.float32})
    if not kinds:
        return []
    return [f"Its numbers are stored as {', '.join(kinds)}; here everything is computed in float32."]


def _without_copies(
    tensors: dict[str, torch.Tensor], method: Method, model: nn.Module, backbone: Backbone
) -> tuple[dict[str, torch.Tensor], list[str]]:
    """The tensors without those that are the base model's own, unchanged.

    Raises:
        PeftClassroomError: if one of the base model's own is there with other values.
    """
    wanted = {method.stored_name(name) for name in trainable_tensors(model)}
    own = backbone.model.state_dict()
    kept, copies = {}, []
    for name, tensor in tensors.items():
        inside = name.removeprefix(OF_PEFT)
        if name in wanted or inside not in own:
            kept[name] = tensor
        elif tensor.shape == own[inside].shape and torch.equal(tensor.float(), own[inside].to(tensor.dtype).float()):
            copies.append(inside)
        else:
            raise PeftClassroomError(
                f"It brings another {inside} than the base model has, beside its method ({method.name}). A method "
                "that also changes the base model's own weights is not supported here."
            )
    if not copies:
        return kept, []
    which = ", ".join(sorted(copies)[:3])
    return kept, [f"{len(copies)} copies of the base model's own weights ({which}) are left out."]


def _head(found: Found, backbone: Backbone) -> list[str]:
    """AdapterHub keeps the output layer beside an adapter, and loads it again.

    Raises:
        PeftClassroomError: if it is not the base model's own.
    """
    if found.head is None:
        return []
    own = backbone.model.state_dict()
    for name, tensor in read_tensors(found.head).items():
        inside = name.removeprefix("transformer.")
        same = inside in own and own[inside].shape == tensor.shape
        if not same or not torch.equal(tensor.float(), own[inside].to(tensor.dtype).float()):
            raise PeftClassroomError(
                f"{found.head.name} beside the adapter holds another {name[:80]} than the base model has, and "
                "AdapterHub would load it. An output layer of its own is not supported here."
            )
    return [f"{found.head.name}, a copy of the base model's output layer, is left out."]
