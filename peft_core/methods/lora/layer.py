"""LoRA: a low-rank update beside a frozen linear layer (Hu et al. 2021, section 4.1).

    h = W₀·x + (alpha / r) · B·A·x

    x   (…, in)                     W₀  (out, in)   frozen
    A   (r, in)    trainable        B   (out, r)    trainable

B starts at zero, so at step 0 the update B·A is zero and the model is exactly the base model. A starts random
(Kaiming-uniform, as in the paper's own code): were both zero, neither would ever receive a gradient.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from peft_core.methods.common import WrappedLinear, freeze, linears
from peft_core.methods.lora.method import LoraConfig
from peft_core.t5.linear_form import LinearForm


class LoRALinear(WrappedLinear):
    """A frozen linear layer (in → out) with its low-rank update."""

    def __init__(self, base_layer: nn.Linear, config: LoraConfig) -> None:
        super().__init__(base_layer)
        out_features, in_features = base_layer.weight.shape
        device = base_layer.weight.device
        self.scaling = config.scaling
        self.dropout = nn.Dropout(config.dropout)
        self.lora_A = nn.Parameter(torch.empty(config.r, in_features, device=device))
        self.lora_B = nn.Parameter(torch.zeros(out_features, config.r, device=device))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (…, in) → (…, out)"""
        h = self.base_layer(x)
        if self.merged:
            return h
        low = F.linear(self.dropout(x), self.lora_A.to(x.dtype))  # (…, r)
        return h + self.scaling * F.linear(low, self.lora_B.to(x.dtype))

    def linear_form(self) -> LinearForm | None:
        """W₀ + (alpha / r)·B·A, as its parts."""
        if self.merged:
            return LinearForm(self.base_layer.weight)
        if self.training and self.dropout.p > 0:
            return None
        return LinearForm(self.base_layer.weight, down=self.lora_A, up=self.lora_B, factor=self.scaling)

    @torch.no_grad()
    def delta_weight(self) -> torch.Tensor:
        """ΔW = (alpha / r) · B·A, shape (out, in), fp32."""
        return self.scaling * (self.lora_B.float() @ self.lora_A.float())


PACKED = (LoRALinear,)


def apply(model: nn.Module, config: LoraConfig, prompt_ids: list[int] | None = None) -> nn.Module:
    """Freeze `model` and wrap its target modules; returns the same model.

    `target_modules` are names of linear layers in every attention (self and cross) and feed-forward; "wi" also means
    wi_0 and wi_1 of a gated T5.

    Raises:
        PeftClassroomError: if no layer has one of these names.
    """
    gated = ("wi_0", "wi_1") if "wi" in config.target_modules else ()
    found = linears(model, (*config.target_modules, *gated))
    freeze(model)
    for parent, name, child in found:
        setattr(parent, name, LoRALinear(child, config))
    return model


def lora_layers(model: nn.Module) -> dict[str, LoRALinear]:
    """The LoRA layers of `model` by their dotted name."""
    return {name: module for name, module in model.named_modules() if isinstance(module, LoRALinear)}
