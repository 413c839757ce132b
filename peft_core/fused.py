"""T5's modules and LoRA's, computing the same with fewer passes over memory. For training and measuring on a CPU.

Matrix products take half of a plain step; the rest goes by reading and writing activations in between. `fuse(model)`
gives the modules of a finished model another `forward`; parameters, their names and what trains stay as they are.

    RMS norm       y = w · x / √(mean x² + ε)        one pass for the sum of squares, no copy of x in fp32
    attention      softmax(Q·Kᵀ + bias + mask)·V     added in place; T5 does not scale, so nothing is multiplied
    one query      q·(W_k·x) = (W_kᵀ·q)·x            the decoder's single step asks the encoder without building K and V
    LoRA           h = W₀·x + (s·B)·(A·x)            the second product is added where W₀·x lies

A test holds each equal to the plain module: forward, and gradients.
"""

import torch
from torch import nn
from torch.autograd import Function
from torch.nn import functional as F
from transformers.models.t5.modeling_t5 import T5Attention, T5DenseActDense, T5LayerNorm

from peft_core.methods.lora import LoRALinear


def fuse(model: nn.Module, device: torch.device) -> nn.Module:
    """Let the modules of `model` compute in their fused form, if it will run on a CPU; returns the same model.

    A module whose dropout is at work computes in its plain form: the fused one has no place for it.
    """
    for module in model.modules() if device.type == "cpu" else ():
        fused = _FUSED.get(type(module))
        if fused is not None:
            module.__class__ = fused  # same parameters, another forward
    return model


class _RMSNorm(Function):
    @staticmethod
    def forward(ctx, x, weight, eps):
        """x (…, d), weight (d)"""
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        scale = torch.rsqrt(norm.square() / x.shape[-1] + eps)  # (…, 1) fp32
        normed = torch.mul(x, scale, out=torch.empty_like(x))  # in fp32, rounded once: a rounded scale would show
        ctx.save_for_backward(normed, scale, weight)
        return normed * weight

    @staticmethod
    def backward(ctx, grad):
        normed, scale, weight = ctx.saved_tensors
        grad_weight = None
        if ctx.needs_input_grad[1]:
            grad_weight = (grad * normed).flatten(0, -2).sum(0, dtype=torch.float32).to(weight.dtype)
        if not ctx.needs_input_grad[0]:
            return None, grad_weight, None
        grad = grad * weight
        mean = torch.linalg.vecdot(grad, normed).unsqueeze(-1).div_(normed.shape[-1])
        return grad.addcmul_(normed, mean, value=-1).mul_(scale.to(grad.dtype)), grad_weight, None


class FusedRMSNorm(T5LayerNorm):
    """T5LayerNorm without fp32 copies."""

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """(…, d) → (…, d)"""
        return _RMSNorm.apply(hidden_states, self.weight.to(hidden_states.dtype), self.variance_epsilon)


class _Attention(Function):
    @staticmethod
    def forward(ctx, q, k, v, bias, mask):
        """q, k, v (batch · heads, length, d_kv); bias (1, heads, length, length); mask (batch, 1, …, length) or None"""
        scores = torch.bmm(q, k.transpose(1, 2))
        by_head = scores.view(-1, *bias.shape[1:])
        by_head.add_(bias)
        if mask is not None:
            by_head.add_(mask)
        weights = torch.softmax(scores, -1)
        ctx.save_for_backward(q, k, v, weights)
        ctx.heads = bias.shape[1]
        return torch.bmm(weights, v)

    @staticmethod
    def backward(ctx, grad):
        q, k, v, weights = ctx.saved_tensors
        grad_v = torch.bmm(weights.transpose(1, 2), grad) if ctx.needs_input_grad[2] else None
        grad_weights = torch.bmm(grad, v.transpose(1, 2))
        grad_scores = torch._softmax_backward_data(grad_weights, weights, -1, weights.dtype)
        grad_q = torch.bmm(grad_scores, k) if ctx.needs_input_grad[0] else None
        grad_k = torch.bmm(grad_scores.transpose(1, 2), q) if ctx.needs_input_grad[1] else None
        grad_bias = None
        if ctx.needs_input_grad[3]:
            grad_bias = grad_scores.view(-1, ctx.heads, *grad_scores.shape[1:]).sum(0, keepdim=True)
        return grad_q, grad_k, grad_v, grad_bias, None


class FusedAttention(T5Attention):
    """T5Attention of an encoder, and of a decoder that takes one step."""

    def forward(self, hidden_states, mask=None, key_value_states=None, position_bias=None, past_key_values=None, **_):
        """hidden_states (batch, length, d) → (batch, length, d), with the position bias for the next block."""
        dropping = self.training and self.dropout > 0
        if dropping or past_key_values is not None or (self.is_decoder and hidden_states.shape[1] > 1):
            return super().forward(hidden_states, mask, key_value_states, position_bias, past_key_values)
        if key_value_states is not None:
            if not (_has_short_cut(self.k) and _has_short_cut(self.v)):
                return super().forward(hidden_states, mask, key_value_states, position_bias, past_key_values)
            return self.o(self._one_query(hidden_states, key_value_states, mask)), None, None
        batch, length = hidden_states.shape[:2]
        if self.is_decoder:  # one position attends to itself alone
            return self.o(self.v(hidden_states)), None, None
        if position_bias is None:
            position_bias = self.compute_bias(length, length, device=hidden_states.device)
            position_bias = position_bias.to(hidden_states.dtype).contiguous()
        q, k, v = (self._heads(layer(hidden_states)) for layer in (self.q, self.k, self.v))
        out = _Attention.apply(q, k, v, position_bias, mask)
        out = out.view(batch, self.n_heads, length, self.key_value_proj_dim).transpose(1, 2)
        return self.o(out.reshape(batch, length, self.inner_dim)), position_bias, None

    def _heads(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, length, heads · d_kv) → (batch · heads, length, d_kv)"""
        batch, length = x.shape[:2]
        return x.view(batch, length, self.n_heads, -1).transpose(1, 2).reshape(batch * self.n_heads, length, -1)

    def _one_query(self, query_states: torch.Tensor, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """query (batch, 1, d) about x (batch, length, d) → (batch, 1, heads · d_kv), without K and V of every row."""
        q = self.q(query_states).view(len(x), self.n_heads, 1, self.key_value_proj_dim)
        towards = _transposed(self.k, q)  # (batch, heads, d)
        scores = torch.bmm(towards, x.transpose(1, 2))  # (batch, heads, length)
        if mask is not None:
            scores = scores + mask.view(len(x), 1, -1)
        seen = torch.bmm(scores.softmax(-1), x)  # (batch, heads, d)
        return _per_head(self.v, seen, self.key_value_proj_dim).view(len(x), 1, self.inner_dim)


def _has_short_cut(layer: nn.Module) -> bool:
    """Whether `layer` computes Wx for a W that is known here. Any other layer computes in its own plain form."""
    return type(layer) in (nn.Linear, LoRALinear, FusedLoRALinear)


def _transposed(layer: nn.Module, q: torch.Tensor) -> torch.Tensor:
    """Wₕᵀ·qₕ for each head h: q (batch, heads, 1, d_kv) → (batch, heads, in)"""
    heads, width = q.shape[1], q.shape[3]
    base = layer.base_layer if isinstance(layer, LoRALinear) else layer
    by_head = q.squeeze(2).transpose(0, 1)  # (heads, batch, d_kv)
    out = torch.bmm(by_head, base.weight.to(q.dtype).view(heads, width, -1))
    if isinstance(layer, LoRALinear) and not layer.merged:
        b = (layer.scaling * layer.lora_B).to(q.dtype).view(heads, width, -1)
        out = out + torch.bmm(by_head, b) @ layer.lora_A.to(q.dtype)
    return out.transpose(0, 1).contiguous()


def _per_head(layer: nn.Module, x: torch.Tensor, width: int) -> torch.Tensor:
    """Wₕ·xₕ for each head h: x (batch, heads, in) → (batch, heads, d_kv)"""
    heads = x.shape[1]
    base = layer.base_layer if isinstance(layer, LoRALinear) else layer
    by_head = x.transpose(0, 1)  # (heads, batch, in)
    out = torch.bmm(by_head, base.weight.to(x.dtype).view(heads, width, -1).transpose(1, 2))
    if isinstance(layer, LoRALinear) and not layer.merged:
        b = (layer.scaling * layer.lora_B).to(x.dtype).view(heads, width, -1)
        out = out + torch.bmm(by_head @ layer.lora_A.to(x.dtype).T, b.transpose(1, 2))
    return out.transpose(0, 1).contiguous()


class FusedFeedForward(T5DenseActDense):
    """wo(relu(wi(x))), the ReLU in place."""

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """(…, d) → (…, d)"""
        if not isinstance(self.act, nn.ReLU) or (self.training and self.dropout.p > 0):
            return super().forward(hidden_states)
        return self.wo(F.relu_(self.wi(hidden_states)))


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


_FUSED = {
    T5LayerNorm: FusedRMSNorm,
    T5Attention: FusedAttention,
    T5DenseActDense: FusedFeedForward,
    LoRALinear: FusedLoRALinear,
}
