"""Dials on a trained (IA)³: how far its vectors are from one."""

import torch
from torch import nn

from peft_core.methods.common import blend_numbers
from peft_core.methods.ia3.layer import RescaledLinear

blend = blend_numbers


@torch.no_grad()
def scale(model: nn.Module, factor: float) -> None:
    """Every vector l becomes 1 + factor·(l − 1)."""
    for layer in model.modules():
        if isinstance(layer, RescaledLinear):
            layer.ia3_l.copy_(1 + factor * (layer.ia3_l - 1))
