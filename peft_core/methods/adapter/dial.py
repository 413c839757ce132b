"""Dials on trained adapters: how loud the update U(h) of A(h) = h + s·U(h) speaks."""

import torch
from torch import nn

from peft_core.methods.adapter.layer import BottleneckAdapter
from peft_core.methods.common import blend_numbers

blend = blend_numbers


def _adapters(model: nn.Module) -> list[BottleneckAdapter]:
    return [module for module in model.modules() if isinstance(module, BottleneckAdapter)]


@torch.no_grad()
def scale(model: nn.Module, factor: float) -> None:
    """U(h) times `factor`: its last product, W_up and b_up."""
    for adapter in _adapters(model):
        adapter.adapter_up.weight.mul_(factor)
        adapter.adapter_up.bias.mul_(factor)
