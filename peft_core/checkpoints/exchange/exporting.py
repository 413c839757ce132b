"""A checkpoint of ours in the form of another library, or as a plain T5 that needs none.

peft                  the folder of a method that Hugging Face peft has, without our run.json
adapterhub            that of a bottleneck adapter, and LoRA under AdapterHub's names
transformers-merged   the method worked into the weights, where that is possible: W₀ + ΔW, or another layer norm
"""

import json
from pathlib import Path
from typing import Literal, get_args

import torch
from safetensors.torch import save_file
from torch import nn

from peft_core.checkpoints.exchange.forms import adapterhub
from peft_core.checkpoints.exchange.recognise import WEIGHTS
from peft_core.checkpoints.files import (
    base_reference,
    check_free,
    load_checkpoint,
    published,
    stored_tensors,
    write_files,
)
from peft_core.checkpoints.record import Record
from peft_core.checkpoints.run_json import read_record
from peft_core.errors import PeftClassroomError
from peft_core.methods import trainable_tensors
from peft_core.methods.common import wrapped_linears
from peft_core.methods.reading import DESCRIPTION
from peft_core.methods.registry import METHODS, method_label, method_of
from peft_core.t5.backbone import Backbone, load_backbone
from peft_core.t5.linear_form import dense

Format = Literal["peft", "adapterhub", "transformers-merged"]
FORMATS: tuple[Format, ...] = get_args(Format)


def export_checkpoint(path: Path, format: Format, out: Path, base: str | None = None) -> None:
    """Write the checkpoint in `path` to `out` in another library's form.

    Args:
        base: where its base model lies, if not where its record says.

    Raises:
        PeftClassroomError: if `out` exists, or the method has no such form; nothing is written then.
    """
    if format not in FORMATS:
        raise PeftClassroomError(f"Unknown format {format!r}. Choose one of: {', '.join(FORMATS)}.")
    check_free(out)
    record = read_record(path)
    backbone = load_backbone(base or record.base, record.prefix)
    model, _ = load_checkpoint(path, backbone)
    if format == "transformers-merged":
        plain = merged(model, record, backbone)
        whole = next(method for method in METHODS.values() if method.owns_weights)
        with published(out) as folder:
            write_files(folder, plain.requires_grad_(True), whole.config(), backbone)
        return
    description, tensors = _described(model, record, backbone, format)
    with published(out) as folder:
        save_file(tensors, folder / WEIGHTS[format][0], metadata={"format": "pt"})
        (folder / DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n")


@torch.no_grad()
def merged(model: nn.Module, record: Record, backbone: Backbone) -> nn.Module:
    """A plain T5 of its own weights that computes what `model` does.

    Raises:
        PeftClassroomError: if the method adds what a T5 has no place for.
    """
    if method_of(record.method).owns_weights:
        return model
    plain = backbone.own_copy()
    places, layers = dict(plain.named_parameters()), wrapped_linears(model)
    for name, parameter in trainable_tensors(model).items():
        layer = next((dotted for dotted in layers if name.startswith(f"{dotted}.")), None)
        if layer is None and (name not in places or places[name].shape != parameter.shape):
            raise PeftClassroomError(
                f"{method_label(record.method)} cannot be merged: {name} stands beside the T5's own weights, and a "
                "plain T5 has no place for it. Export it for the library that has the method."
            )
        if layer is None:
            places[name].copy_(parameter)
    for dotted, layer in layers.items():
        form = layer.linear_form()
        assert form is not None  # in evaluation mode there always is one
        plain.get_submodule(dotted).weight.copy_(dense(form))
    return plain.eval()


def _described(
    model: nn.Module, record: Record, backbone: Backbone, format: Format
) -> tuple[dict, dict[str, torch.Tensor]]:
    """The description and the tensors in the form of peft or AdapterHub."""
    method, architecture = method_of(record.method), backbone.base.architecture
    description = method.description(record.method, architecture, base_reference(backbone)) or {}
    tensors = stored_tensors(method, model)
    own = "peft" if "peft_type" in description else "adapterhub" if "config" in description else ""
    if own == format:
        return description, tensors
    if (own, format) == ("peft", "adapterhub"):
        return adapterhub.from_peft(description, tensors, architecture)
    label = method_label(record.method)
    has = {"peft": "peft", "adapterhub": "adapterhub", "": "transformers-merged"}[own]
    raise PeftClassroomError(f"{label} has no form of {format}. Choose {has}.")
