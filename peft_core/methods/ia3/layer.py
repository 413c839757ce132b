"""(IA)³: learned vectors that rescale what flows through frozen layers (Liu et al. 2022, section 3.3).

    k = l_k ⊙ (W_k·x)        v = l_v ⊙ (W_v·x)        f = W_o·(l_ff ⊙ act(W_i·x))

    l_k, l_v  (heads · d_kv)    trainable        l_ff  (d_ff)    trainable        every W    frozen

All vectors start at one, so at step 0 the model is exactly the base model. A product with a diagonal matrix is linear:
after training each vector can be worked into its W, and predicting costs what the base model costs.
"""

import torch
from torch import nn

from peft_core.methods.common import WrappedLinear, freeze, linears
from peft_core.methods.ia3.method import RESCALED, Ia3Config
from peft_core.t5.linear_form import LinearForm


class RescaledLinear(WrappedLinear):
    """A frozen linear layer (in → out) with a vector on its outputs, or, `on_input`, on its inputs."""

    def __init__(self, base_layer: nn.Linear, on_input: bool) -> None:
        super().__init__(base_layer)
        self.on_input = on_input
        size = base_layer.in_features if on_input else base_layer.out_features
        self.ia3_l = nn.Parameter(torch.ones(size, device=base_layer.weight.device))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (…, in) → (…, out)"""
        if self.merged:
            return self.base_layer(x)
        scale = self.ia3_l.to(x.dtype)
        return self.base_layer(scale * x) if self.on_input else scale * self.base_layer(x)

    def linear_form(self) -> LinearForm:
        """diag(l)·W₀, or W₀·diag(l)."""
        if self.merged:
            return LinearForm(self.base_layer.weight)
        if self.on_input:
            return LinearForm(self.base_layer.weight, scale_in=self.ia3_l)
        return LinearForm(self.base_layer.weight, scale_out=self.ia3_l)

    def extra_repr(self) -> str:
        return f"on_input={self.on_input}"


PACKED = (RescaledLinear,)


def apply(model: nn.Module, config: Ia3Config, prompt_ids: list[int] | None = None) -> nn.Module:
    """Freeze the T5 `model` and wrap its layers named k, v and wo; returns the same model."""
    found = linears(model, RESCALED)
    freeze(model)
    for parent, name, child in found:
        setattr(parent, name, RescaledLinear(child, on_input=name == "wo"))
    return model
