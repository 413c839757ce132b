"""T5's modules, computing the same with fewer passes over memory. For training and measuring on a CPU.

Matrix products take half of a plain step; the rest goes by reading and writing activations in between. `methods.fast`
gives the modules of a finished model another `forward`; parameters, their names and what trains stay as they are.

    RMS norm       y = w · x / √(mean x² + ε)        one pass for the sum of squares, no copy of x in fp32
    attention      softmax(Q·Kᵀ + bias + mask)·V     added in place; T5 does not scale, so nothing is multiplied
    one query      q·(W_k·x) = (W_kᵀ·q)·x            the decoder's single step asks the encoder without building K and V

A test holds each equal to the plain module: forward, and gradients.
"""

import torch
from torch import nn
from torch.autograd import Function
from torch.nn import functional as F
from transformers.models.t5.modeling_t5 import T5Attention, T5DenseActDense, T5LayerNorm

from peft_core.t5.linear_form import LinearForm, linear_form, per_head, transposed


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
            keys, values = linear_form(self.k), linear_form(self.v)
            if keys is None or values is None:  # a layer that has not said what it is gets called as it is
                return super().forward(hidden_states, mask, key_value_states, position_bias, past_key_values)
            return self.o(self._one_query(hidden_states, key_value_states, mask, keys, values)), None, None
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

    def _one_query(
        self,
        query_states: torch.Tensor,
        x: torch.Tensor,
        mask: torch.Tensor | None,
        keys: LinearForm,
        values: LinearForm,
    ) -> torch.Tensor:
        """query (batch, 1, d) about x (batch, length, d) → (batch, 1, heads · d_kv), without K and V of every row."""
        q = self.q(query_states).view(len(x), self.n_heads, self.key_value_proj_dim).transpose(0, 1)
        towards = transposed(keys, q).transpose(0, 1).contiguous()  # (batch, heads, d)
        scores = torch.bmm(towards, x.transpose(1, 2))  # (batch, heads, length)
        if mask is not None:
            scores = scores + mask.view(len(x), 1, -1)
        seen = torch.bmm(scores.softmax(-1), x)  # (batch, heads, d)
        return per_head(values, seen.transpose(0, 1)).transpose(0, 1).reshape(len(x), 1, self.inner_dim)


class FusedFeedForward(T5DenseActDense):
    """wo(relu(wi(x))), the ReLU in place."""

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """(…, d) → (…, d)"""
        if not isinstance(self.act, nn.ReLU) or (self.training and self.dropout.p > 0):
            return super().forward(hidden_states)
        return self.wo(F.relu_(self.wi(hidden_states)))


FUSED: dict[type[nn.Module], type[nn.Module]] = {
    T5LayerNorm: FusedRMSNorm,
    T5Attention: FusedAttention,
    T5DenseActDense: FusedFeedForward,
}
