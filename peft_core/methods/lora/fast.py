"""LoRA with fewer passes over memory: h = W₀·x + (s·B)·(A·x), the second product added where W₀·x lies.

DoRA takes one more pass, for the length of each row.
"""

import torch
from torch import nn
from torch.autograd import Function

from peft_core.methods.lora.layer import DoRALinear, LoRALinear


class _LoRA(Function):
    @staticmethod
    def forward(ctx, x, weight, a, b, scaling):
        """x (n, in), W₀ (out, in), A (r, in), B (out, r) → (n, out); W₀ in the precision of x, A and B in any"""
        a, b = a.to(x.dtype), (scaling * b).to(x.dtype)
        low = torch.mm(x, a.t())
        ctx.save_for_backward(x, weight, a, b, low)
        ctx.scaling = scaling
        return torch.mm(x, weight.t()).addmm_(low, b.t())

    @staticmethod
    def backward(ctx, grad):
        x, weight, a, b, low = ctx.saved_tensors
        grad_low = torch.mm(grad, b)
        grad_b = torch.mm(grad.t(), low).float().mul_(ctx.scaling)
        grad_a = torch.mm(grad_low.t(), x).float()
        grad_x = torch.mm(grad, weight).addmm_(grad_low, a) if ctx.needs_input_grad[0] else None
        return grad_x, None, grad_a, grad_b, None


def _fused(layer: LoRALinear, x: torch.Tensor) -> torch.Tensor:
    """W₀·x + s·B·A·x: (…, in) → (…, out)"""
    out = _LoRA.apply(x.reshape(-1, x.shape[-1]), layer.base_layer.weight, layer.lora_A, layer.lora_B, layer.scaling)
    return out.view(*x.shape[:-1], -1)


class FusedLoRALinear(LoRALinear):
    """A frozen linear layer with its low-rank update added in place."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (…, in) → (…, out)"""
        return super().forward(x) if self.merged or self.drops else _fused(self, x)


class FusedDoRALinear(DoRALinear):
    """The same with every row at its trained length."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (…, in) → (…, out)"""
        return super().forward(x) if self.merged or self.drops else self.row_scale().to(x.dtype) * _fused(self, x)


FUSED: dict[type[nn.Module], type[nn.Module]] = {LoRALinear: FusedLoRALinear, DoRALinear: FusedDoRALinear}
