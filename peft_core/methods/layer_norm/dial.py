"""Dials on trained layer norms: how far their weights are from the base model's."""

import torch
from torch import nn

from peft_core.methods.common import blend_numbers
from peft_core.methods.layer_norm.layer import TunedNorm

blend = blend_numbers


@torch.no_grad()
def scale(model: nn.Module, factor: float) -> None:
    """Every weight w becomes w₀ + factor·(w − w₀), with w₀ of the base model."""
    for norm in model.modules():
        if isinstance(norm, TunedNorm):
            before = norm.base_layer.weight
            norm.weight.copy_(before + factor * (norm.weight - before))
