"""What the methods share: freezing, and a linear layer whose weights may be kept in another precision."""

import torch
from torch import nn
from torch.nn import functional as F


def freeze(model: nn.Module) -> None:
    """No parameter of `model` asks for a gradient afterwards. `requires_grad` is the one source of truth."""
    for parameter in model.parameters():
        parameter.requires_grad_(False)


def linear(layer: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    """`layer(x)` in the precision of x. Trainable weights stay in fp32 while a frozen backbone may run in bf16."""
    bias = None if layer.bias is None else layer.bias.to(x.dtype)
    return F.linear(x, layer.weight.to(x.dtype), bias)
