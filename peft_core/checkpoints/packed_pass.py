"""One pass of a T5 over rows of different checkpoints, end to end in one matrix, without padding.

Checkpoints of one base model share every frozen weight W₀; a method only adds to them. So the rows of all checkpoints,
those of one after those of another, go through each frozen product together, and each checkpoint's part gets its own:

    H = X·W₀ᵀ                                        X (tokens, d): rows of checkpoint 1, of checkpoint 2, …
    H[part k] += sₖ·X[part k]·Aₖᵀ·Bₖᵀ                 low-rank, as LoRA, and scaled, as `LinearForm` has it
    H[part k]  = Adapterₖ(H[part k])                 a module that follows or stands beside, where there is one
    X[row]     = [P₁ … P_n ; E(x₁) … E(x_T)]         rows in front, as a soft prompt has them: n more positions

T5 knows no absolute positions and tokens meet in attention alone, which is computed row by row: nothing is filled up,
and no mask is needed. What a checkpoint adds is read from its own loaded model, which is not changed: two passes at the
same time cannot meet.

Three things are computed in another order than `transformers` does. In exact arithmetic nothing changes:

- Before the first attention a position depends on its token alone, so the products of the first block are computed
  once for each token that occurs, however many rows it is in.
- The decoder takes one step. Softmax over its one position is 1: self-attention is o(v(x)).
- Cross-attention has one query a row, so it is cheaper to bring the query to the states of the encoder than all states
  to the query: q·(W_k·h) = (q·W_k)·h, and Σ aₜ·(W_v·hₜ) = W_v·(Σ aₜ·hₜ).

In fp32 each of these, and the size of a product (the library picks its kernel by it), rounds the last digits
differently. A row's logits do not depend on the other rows of the pass, up to `passes.TOLERANCE`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from peft_core.methods.common import InFront, WithAdapter
from peft_core.methods.registry import METHODS
from peft_core.t5.backbone import Backbone, logits_of_hidden
from peft_core.t5.linear_form import LinearForm, linear_form

_computable: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()


@dataclass(frozen=True)
class Part:
    """The rows of one model in a pass: the token ids of each; and the tokens of the two words that it answers with."""

    model: nn.Module
    rows: Sequence[Sequence[int]]
    label_ids: tuple[int, int]


def can_share(model: nn.Module, backbone: Backbone) -> bool:
    """Whether rows of `model` may go through a pass with rows of others: it computes with the backbone's own weights.

    After full fine-tuning a model has weights of its own: its rows go by themselves.
    """
    own = {id(parameter) for parameter in model.parameters()}
    return computable(model) and all(id(parameter) in own for parameter in backbone.model.parameters())


def computable(model: nn.Module) -> bool:
    """Whether a pass can compute `model`: it is a T5 with nothing in it but modules that a method declares `PACKED`.

    Looked up once a model, which does not change afterwards.
    """
    if model not in _computable:
        kinds = {type(module) for module in model.modules()} - _packed()
        _computable[model] = all(kind.__module__.startswith(("torch.nn.", "transformers.")) for kind in kinds)
    return _computable[model]


@cache
def _packed() -> frozenset[type[nn.Module]]:
    """The modules that methods put into a T5, made of nothing but what this file knows."""
    return frozenset(kind for method in METHODS.values() for kind in getattr(method.layer, "PACKED", ()))


@torch.inference_mode()
def one_pass(parts: Sequence[Part]) -> torch.Tensor:
    """fp32 logits of the label words for all rows of all parts, in that order: (rows, 2), columns negative, positive.

    The models share the frozen weights (`can_share`), or there is one part only.
    """
    layout = _Layout.of(parts)
    hidden = _one_decoder_step(layout, _encode(layout, *_embed(parts)))
    if len(asked := {part.label_ids for part in parts}) == 1:
        return logits_of_hidden(layout.models[0], hidden, asked.pop())
    each = zip(parts, layout.rows, strict=True)
    return torch.cat([logits_of_hidden(layout.models[0], hidden[rows], part.label_ids) for part, rows in each])


@dataclass(frozen=True)
class _Layout:
    """Whose rows are where. Models without their soft prompts; slices of tokens, and of rows, of each part."""

    models: list[nn.Module]
    tokens: list[slice]
    rows: list[slice]
    lengths: list[int]  # of each row, its prompt included

    @classmethod
    def of(cls, parts: Sequence[Part]) -> "_Layout":
        lengths = [[rows_in_front(part.model) + len(ids) for ids in part.rows] for part in parts]
        return cls(
            models=[part.model.model if isinstance(part.model, InFront) else part.model for part in parts],
            tokens=_slices(map(sum, lengths)),
            rows=_slices(map(len, lengths)),
            lengths=[length for of_part in lengths for length in of_part],
        )

    def blocks(self, stack: str) -> list[tuple[nn.Module, ...]]:
        """The blocks of "encoder" or "decoder"; each as it is in every part's model."""
        return list(zip(*(getattr(model, stack).block for model in self.models), strict=True))


def _slices(lengths: Iterable[int]) -> list[slice]:
    return [slice(start, stop) for start, stop in pairwise(accumulate(lengths, initial=0))]


def rows_in_front(model: nn.Module) -> int:
    """How many positions stand before the tokens of a row."""
    return len(model.rows) if isinstance(model, InFront) else 0


def _embed(parts: Sequence[Part]) -> tuple[torch.Tensor, torch.Tensor]:
    """Every embedding that occurs, once, (n, d), and for each position of the pass which of them it is, (tokens,)."""
    ids, which = np.unique(np.concatenate([ids for part in parts for ids in part.rows]), return_inverse=True)
    embeddings = [parts[0].model.shared(torch.from_numpy(ids))]
    positions, done, prompts = [], 0, len(ids)
    for part in parts:
        prompt = np.arange(prompts, prompts + rows_in_front(part.model))
        if len(prompt):
            embeddings.append(part.model.rows)
            prompts += len(prompt)
        for row in part.rows:
            positions += [prompt, which[done : done + len(row)]]
            done += len(row)
    return torch.cat(embeddings), torch.from_numpy(np.concatenate(positions))


def _encode(layout: _Layout, embeddings: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
    """Hidden states of the encoder, (tokens, d)."""
    x = embeddings[which]
    first = _modules(layout.blocks("encoder")[0], 0, "SelfAttention")[0]
    longest = max(layout.lengths)
    bias = first.compute_bias(longest, longest)[0]  # (heads, longest, longest): a shorter row reads its corner
    for number, block in enumerate(layout.blocks("encoder")):
        attention = _modules(block, 0, "SelfAttention")
        normed = _norm(_inner(block[0].layer[0]).layer_norm, embeddings if number == 0 else x)
        q, k, v = (
            _linear([getattr(a, name) for a in attention], normed, layout.tokens, which if number == 0 else None)
            for name in "qkv"
        )
        mixed = _attend(q, k, v, bias, layout.lengths)
        x = _add(x, _linear([a.o for a in attention], mixed, layout.tokens), block, 0, layout.tokens)
        x = _feed_forward(x, block, layout.tokens)
    return _norm(layout.models[0].encoder.final_layer_norm, x)


def _one_decoder_step(layout: _Layout, encoded: torch.Tensor) -> torch.Tensor:
    """The decoder's hidden state at its start token, (rows, d)."""
    model = layout.models[0]
    x = model.shared.weight[model.config.decoder_start_token_id].repeat(len(layout.lengths), 1)
    states = encoded.split(layout.lengths)
    for block in layout.blocks("decoder"):
        attention = _modules(block, 0, "SelfAttention")
        v = _linear([a.v for a in attention], _norm(_inner(block[0].layer[0]).layer_norm, x), layout.rows)
        x = _add(x, _linear([a.o for a in attention], v, layout.rows), block, 0, layout.rows)
        attention = _modules(block, 1, "EncDecAttention")
        q = _linear([a.q for a in attention], _norm(_inner(block[0].layer[1]).layer_norm, x), layout.rows)
        heads = q.view(len(q), attention[0].n_heads, -1)
        toward = _through_keys([a.k for a in attention], heads, layout.rows)
        seen = torch.stack([(t @ h.T).softmax(-1) @ h for t, h in zip(toward, states, strict=True)])
        mixed = _through_values([a.v for a in attention], seen, layout.rows)
        x = _add(x, _linear([a.o for a in attention], mixed, layout.rows), block, 1, layout.rows)
        x = _feed_forward(x, block, layout.rows)
    return _norm(model.decoder.final_layer_norm, x)


# ---------------------------------------------------------------------------------------------------------------------
# A place of the network, as it is in every part's model


def _modules(block: Sequence[nn.Module], sublayer: int, name: str) -> list[nn.Module]:
    return [getattr(_inner(b.layer[sublayer]), name) for b in block]


def _inner(module: nn.Module) -> nn.Module:
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


def _linear(
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


def _through_keys(layers: Sequence[nn.Module], q: torch.Tensor, slices: Sequence[slice]) -> torch.Tensor:
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


def _through_values(layers: Sequence[nn.Module], seen: torch.Tensor, slices: Sequence[slice]) -> torch.Tensor:
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


def _feed_forward(x: torch.Tensor, block: Sequence[nn.Module], slices: Sequence[slice]) -> torch.Tensor:
    """The last sub-layer, plain or gated, with its residual."""
    layers = _modules(block, -1, "DenseReluDense")
    normed = _norm(_inner(block[0].layer[-1]).layer_norm, x)

    def linear(name: str, h: torch.Tensor) -> torch.Tensor:
        return _linear([getattr(layer, name) for layer in layers], h, slices)

    if hasattr(layers[0], "wi_0"):
        inner = layers[0].act(linear("wi_0", normed)).mul_(linear("wi_1", normed))
    else:
        inner = linear("wi", normed)
        inner = inner.relu_() if isinstance(layers[0].act, nn.ReLU) else layers[0].act(inner)
    return _add(x, linear("wo", inner), block, -1, slices)


def _add(
    x: torch.Tensor, f: torch.Tensor, block: Sequence[nn.Module], sublayer: int, slices: Sequence[slice]
) -> torch.Tensor:
    """x + f, where f is a sub-layer's output, with the adapter of each part that has one here: on f, x + f, or x."""
    layers = [b.layer[sublayer] for b in block]
    for layer, part in zip(layers, slices, strict=True):
        if isinstance(_inner(layer).dropout, WithAdapter):
            f[part] = _inner(layer).dropout.adapter(f[part])
    f += x
    for layer, part in zip(layers, slices, strict=True):
        if isinstance(layer, WithAdapter):
            f[part] = layer.joined(x[part], f[part])
    return f


# ---------------------------------------------------------------------------------------------------------------------
# The same for all parts


def _norm(layer_norm: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return F.rms_norm(x, x.shape[-1:], layer_norm.weight, layer_norm.variance_epsilon)


def _attend(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, bias: torch.Tensor, lengths: Sequence[int]
) -> torch.Tensor:
    """softmax(q·k + bias)·v of every row by itself: (tokens, heads·d_kv) three times → the same shape."""
    heads = len(bias)
    out = torch.empty_like(q)
    for row in _slices(lengths):
        length = row.stop - row.start
        of_row = (t[row].view(length, heads, -1).transpose(0, 1) for t in (q, k, v, out))
        q_row, k_row, v_row, out_row = of_row  # (heads, length, d_kv) each
        scores = torch.baddbmm(bias[:, :length, :length], q_row, k_row.transpose(1, 2))
        out_row.copy_(scores.softmax(-1) @ v_row)
    return out
