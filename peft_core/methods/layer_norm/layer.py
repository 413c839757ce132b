"""Layer-norm tuning: the weights of the norms train, nothing else (Zhao et al. 2023).

    y = w ⊙ x / √(mean(x²) + ε)

    x   (…, d)        w   (d)    trainable

T5's layer norm is an RMS norm (Zhang & Sennrich 2019): it subtracts no mean and adds no bias, so w is all there is to
train. w starts as a copy of the frozen weights, which stay beside it: at step 0 the model is exactly the base model.
"""

import torch
from torch import nn
from transformers.models.t5.modeling_t5 import T5LayerNorm

from peft_core.methods.common import freeze
from peft_core.methods.layer_norm.method import LayerNormConfig


class TunedNorm(nn.Module):
    """A frozen layer norm whose place is taken by one with trainable weights."""

    def __init__(self, base_layer: T5LayerNorm) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.weight = nn.Parameter(base_layer.weight.detach().clone())
        self.variance_epsilon = base_layer.variance_epsilon

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (…, d) → (…, d)"""
        mean_square = x.float().square().mean(-1, keepdim=True)  # (…, 1)
        normed = x * torch.rsqrt(mean_square + self.variance_epsilon)
        return self.weight.to(x.dtype) * normed.to(x.dtype)


def apply(model: nn.Module, config: LayerNormConfig, prompt_ids: list[int] | None = None) -> nn.Module:
    """Freeze the T5 `model` and give each of its layer norms trainable weights; returns the same model."""
    found = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if isinstance(child, T5LayerNorm)
    ]
    freeze(model)
    for parent, name, child in found:
        setattr(parent, name, TunedNorm(child))
    return model
