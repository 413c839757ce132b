"""LoRA with fewer passes over memory: h = W₀·x + (s·B)·(A·x), the second product added where W₀·x lies."""

import torch
from torch import nn
from torch.autograd import Function

from peft_core.methods.lora.layer import LoRALinear


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


class FusedLoRALinear(LoRALinear):
    """A frozen linear layer with its low-rank update added in place."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (…, in) → (…, out)"""
        if self.merged or (self.training and self.dropout.p > 0):
            return super().forward(x)
        out = _LoRA.apply(x.reshape(-1, x.shape[-1]), self.base_layer.weight, self.lora_A, self.lora_B, self.scaling)
        return out.view(*x.shape[:-1], -1)


FUSED: dict[type[nn.Module], type[nn.Module]] = {LoRALinear: FusedLoRALinear}
