"""What a linear layer computes, as data: W = D_out·(W₀ + s·B·A)·D_in, whatever stands around its frozen weight W₀.

    W₀     (out, in)      s·B·A    a number, (out, r), (r, in)      D_out, D_in    diagonal matrices, kept as vectors

A layer that is more than an `nn.Linear` says so by a method `linear_form()`. Whoever needs W in another way than by
calling the layer then needs to know no method: the fused cross-attention (`fused.py`) multiplies from the left, and a
pass over many checkpoints (`checkpoints/asking/packed_pass.py`) shares the product with W₀.
"""

from typing import NamedTuple

import torch
from torch import nn


class LinearForm(NamedTuple):  # made for every layer of every checkpoint in a pass: cheaper than a dataclass
    """The parts of W in W·x; those that are None are not there."""

    weight: torch.Tensor  # W₀ (out, in)
    down: torch.Tensor | None = None  # A (r, in)
    up: torch.Tensor | None = None  # B (out, r)
    factor: float = 1.0  # s
    scale_in: torch.Tensor | None = None  # (in)
    scale_out: torch.Tensor | None = None  # (out)


def linear_form(layer: nn.Module) -> LinearForm | None:
    """The form of `layer`; None if it has not said what it is, or computes otherwise at the moment (dropout)."""
    if type(layer) is nn.Linear and layer.bias is None:
        return LinearForm(layer.weight)
    say = getattr(layer, "linear_form", None)
    return say() if say else None


def dense(form: LinearForm) -> torch.Tensor:
    """W itself, (out, in), in fp32."""
    weight = form.weight.float()
    if form.up is not None:
        weight = weight + form.factor * (form.up.float() @ form.down.float())
    if form.scale_out is not None:
        weight = form.scale_out.float().unsqueeze(1) * weight
    return weight if form.scale_in is None else weight * form.scale_in.float()


def transposed(form: LinearForm, q: torch.Tensor) -> torch.Tensor:
    """Wₕᵀ·qₕ for each head h, whose rows of W follow one another: q (heads, n, d_kv) → (heads, n, in)"""
    heads, _, d_kv = q.shape
    if form.scale_out is not None:
        q = q * form.scale_out.to(q.dtype).view(heads, 1, d_kv)
    out = torch.bmm(q, form.weight.to(q.dtype).view(heads, d_kv, -1))
    if form.up is not None:
        out = out + torch.bmm(q, (form.factor * form.up).to(q.dtype).view(heads, d_kv, -1)) @ form.down.to(q.dtype)
    return out if form.scale_in is None else out * form.scale_in.to(q.dtype)


def per_head(form: LinearForm, x: torch.Tensor) -> torch.Tensor:
    """Wₕ·xₕ for each head h, which has an x of its own: x (heads, n, in) → (heads, n, d_kv)"""
    heads, _, inner = x.shape
    if form.scale_in is not None:
        x = x * form.scale_in.to(x.dtype)
    out = torch.bmm(x, form.weight.to(x.dtype).view(heads, -1, inner).transpose(1, 2))
    if form.up is not None:
        low, up = x @ form.down.to(x.dtype).T, (form.factor * form.up).to(x.dtype)
        out = out + torch.bmm(low, up.view(heads, -1, low.shape[-1]).transpose(1, 2))
    return out if form.scale_out is None else out * form.scale_out.to(x.dtype).view(heads, 1, -1)
