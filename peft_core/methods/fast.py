"""A model in its fused form: T5's modules, and those of each method that has one (`FUSED` in its `fast.py`)."""

import torch
from torch import nn

from peft_core.methods.registry import METHODS
from peft_core.t5 import fused


def fuse(model: nn.Module, device: torch.device) -> nn.Module:
    """Let the modules of `model` compute in their fused form, if it will run on a CPU; returns the same model.

    A module whose dropout is at work computes in its plain form: the fused one has no place for it.
    """
    forms = _forms()
    for module in model.modules() if device.type == "cpu" else ():
        form = forms.get(type(module))
        if form is not None:
            module.__class__ = form  # same parameters, another forward
    return model


def _forms() -> dict[type[nn.Module], type[nn.Module]]:
    """Plain class → fused class. A method without `fast.py` computes plainly."""
    forms = dict(fused.FUSED)
    for method in METHODS.values():
        if fast := method.optional("fast"):
            forms |= fast.FUSED
    return forms
