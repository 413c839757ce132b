"""The places of a T5 that rows of many checkpoints go through together: the frozen product once, then each one's own.

    H = X·W₀ᵀ                           X (tokens, d): rows of checkpoint 1, of checkpoint 2, …
    H[part k] += sₖ·X[part k]·Aₖᵀ·Bₖᵀ    what a layer says of itself (`LinearForm`)

What a whole pass is made of, and in which order: `packed_pass.py`.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise

import torch
from torch import nn
from torch.nn import functional as F

from peft_core.methods.common import WithAdapter
from peft_core.t5.linear_form import LinearForm, linear_form


def slices_of(lengths: Iterable[int]) -> list[slice]:
    """Where each of several stretches lies that follow one another."""
    return [slice(start, stop) for start, stop in pairwise(accumulate(lengths, initial=0))]


# ---------------------------------------------------------------------------------------------------------------------
# A place of the network, as it is in every part's model


def modules(block: Sequence[nn.Module], sublayer: int, name: str) -> list[nn.Module]:
    """The module of this name in a sub-layer of each part's block."""
    return [getattr(inner(b.layer[sublayer]), name) for b in block]


def inner(module: nn.Module) -> nn.Module:
    """What an adapter stands behind, or the module itself."""
    return module.base_layer if isinstance(module, WithAdapter) else module


def _forms(layers: Sequence[nn.Module]) -> list[LinearForm]:
    """What each part's layer computes; the frozen weight is the same in all.

    Raises:
        TypeError: if a layer does not say, although its method has declared it `PACKED`.
    """
    forms = [linear_form(layer) for layer in layers]
    if None in forms:
        raise TypeError(f"{type(layers[forms.index(None)]).__name__} has no linear_form(): it cannot be PACKED.")
    return forms


def linear(
    layers: Sequence[nn.Module], x: torch.Tensor, slices: Sequence[slice], which: torch.Tensor | None = None
) -> torch.Tensor:
    """x (tokens, in) → (tokens, out): the frozen product for all, then what each part has beside it.

    With `which`, x holds every distinct row once, and `which` says where each goes.
    """
    forms = _forms(layers)
    if any(form.scale_in is not None for form in forms):  # the rows of different parts differ from here on
        x, which = (x.clone() if which is None else x[which]), None
        for form, part in zip(forms, slices, strict=True):
            if form.scale_in is not None:
                x[part] *= form.scale_in
    out = F.linear(x, forms[0].weight)
    if which is not None:
        out = out[which]
    for form, part in zip(forms, slices, strict=True):
        if form.up is not None:
            low = F.linear(x, form.down)[which[part]] if which is not None else F.linear(x[part], form.down)
            out[part].addmm_(low, form.up.T, alpha=form.factor)
        if form.scale_out is not None:
            out[part] *= form.scale_out
    return out


def through_keys(layers: Sequence[nn.Module], q: torch.Tensor, slices: Sequence[slice]) -> torch.Tensor:
    """q (rows, heads, d_kv) → q·W per head, (rows, heads, d)."""
    forms, heads = _forms(layers), q.shape[1]
    if any(form.scale_out is not None for form in forms):
        q = q.clone()
        for form, part in zip(forms, slices, strict=True):
            if form.scale_out is not None:
                q[part] *= form.scale_out.view(heads, -1)
    out = torch.einsum("rhk,hkd->rhd", q, _by_head(forms[0].weight, heads))
    for form, part in zip(forms, slices, strict=True):
        if form.up is not None:
            low = torch.einsum("rhk,hkl->rhl", q[part], _by_head(form.up, heads))
            out[part] += form.factor * (low @ form.down)
        if form.scale_in is not None:
            out[part] *= form.scale_in
    return out


def through_values(layers: Sequence[nn.Module], seen: torch.Tensor, slices: Sequence[slice]) -> torch.Tensor:
    """seen (rows, heads, d) → each head's W·seen side by side, (rows, heads·d_kv)."""
    forms, heads = _forms(layers), seen.shape[1]
    for form, part in zip(forms, slices, strict=True):
        if form.scale_in is not None:
            seen[part] *= form.scale_in
    out = torch.einsum("rhd,hkd->rhk", seen, _by_head(forms[0].weight, heads))
    for form, part in zip(forms, slices, strict=True):
        if form.up is not None:
            low = F.linear(seen[part], form.down)
            out[part] += form.factor * torch.einsum("rhl,hkl->rhk", low, _by_head(form.up, heads))
        if form.scale_out is not None:
            out[part] *= form.scale_out.view(heads, -1)
    return out.flatten(1)


def _by_head(weight: torch.Tensor, heads: int) -> torch.Tensor:
    return weight.view(heads, -1, weight.shape[1])


def feed_forward(x: torch.Tensor, block: Sequence[nn.Module], slices: Sequence[slice]) -> torch.Tensor:
    """The last sub-layer, plain or gated, with its residual."""
    layers = modules(block, -1, "DenseReluDense")
    normed = norm(inner(block[0].layer[-1]).layer_norm, x)

    def through(name: str, h: torch.Tensor) -> torch.Tensor:
        return linear([getattr(layer, name) for layer in layers], h, slices)

    if hasattr(layers[0], "wi_0"):
        wide = layers[0].act(through("wi_0", normed)).mul_(through("wi_1", normed))
    else:
        wide = through("wi", normed)
        wide = wide.relu_() if isinstance(layers[0].act, nn.ReLU) else layers[0].act(wide)
    return add(x, through("wo", wide), block, -1, slices)


def add(
    x: torch.Tensor, f: torch.Tensor, block: Sequence[nn.Module], sublayer: int, slices: Sequence[slice]
) -> torch.Tensor:
    """x + f, where f is a sub-layer's output, with the adapter of each part that has one here: on f, x + f, or x."""
    layers = [b.layer[sublayer] for b in block]
    for layer, part in zip(layers, slices, strict=True):
        if isinstance(inner(layer).dropout, WithAdapter):
            f[part] = inner(layer).dropout.adapter(f[part])
    f += x
    for layer, part in zip(layers, slices, strict=True):
        if isinstance(layer, WithAdapter):
            f[part] = layer.joined(x[part], f[part])
    return f


# ---------------------------------------------------------------------------------------------------------------------
# The same for all parts


def norm(layer_norm: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The layer norm of the backbone, which all parts share."""
    return F.rms_norm(x, x.shape[-1:], layer_norm.weight, layer_norm.variance_epsilon)


def attend(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, bias: torch.Tensor, lengths: Sequence[int]
) -> torch.Tensor:
    """softmax(q·k + bias)·v of every row by itself: (tokens, heads·d_kv) three times → the same shape."""
    heads = len(bias)
    out = torch.empty_like(q)
    for row in slices_of(lengths):
        length = row.stop - row.start
        of_row = (t[row].view(length, heads, -1).transpose(0, 1) for t in (q, k, v, out))
        q_row, k_row, v_row, out_row = of_row  # (heads, length, d_kv) each
        scores = torch.baddbmm(bias[:, :length, :length], q_row, k_row.transpose(1, 2))
        out_row.copy_(scores.softmax(-1) @ v_row)
    return out
