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

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn

from peft_core.checkpoints.asking.packed_places import (
    add,
    attend,
    feed_forward,
    inner,
    linear,
    modules,
    norm,
    slices_of,
    through_keys,
    through_values,
)
from peft_core.methods.common import InFront
from peft_core.methods.registry import METHODS
from peft_core.t5.backbone import Backbone, logits_of_hidden

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
            tokens=slices_of(map(sum, lengths)),
            rows=slices_of(map(len, lengths)),
            lengths=[length for of_part in lengths for length in of_part],
        )

    def blocks(self, stack: str) -> list[tuple[nn.Module, ...]]:
        """The blocks of "encoder" or "decoder"; each as it is in every part's model."""
        return list(zip(*(getattr(model, stack).block for model in self.models), strict=True))


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
    first = modules(layout.blocks("encoder")[0], 0, "SelfAttention")[0]
    longest = max(layout.lengths)
    bias = first.compute_bias(longest, longest)[0]  # (heads, longest, longest): a shorter row reads its corner
    for number, block in enumerate(layout.blocks("encoder")):
        attention = modules(block, 0, "SelfAttention")
        normed = norm(inner(block[0].layer[0]).layer_norm, embeddings if number == 0 else x)
        q, k, v = (
            linear([getattr(a, name) for a in attention], normed, layout.tokens, which if number == 0 else None)
            for name in "qkv"
        )
        mixed = attend(q, k, v, bias, layout.lengths)
        x = add(x, linear([a.o for a in attention], mixed, layout.tokens), block, 0, layout.tokens)
        x = feed_forward(x, block, layout.tokens)
    return norm(layout.models[0].encoder.final_layer_norm, x)


def _one_decoder_step(layout: _Layout, encoded: torch.Tensor) -> torch.Tensor:
    """The decoder's hidden state at its start token, (rows, d)."""
    model = layout.models[0]
    x = model.shared.weight[model.config.decoder_start_token_id].repeat(len(layout.lengths), 1)
    states = encoded.split(layout.lengths)
    for block in layout.blocks("decoder"):
        attention = modules(block, 0, "SelfAttention")
        v = linear([a.v for a in attention], norm(inner(block[0].layer[0]).layer_norm, x), layout.rows)
        x = add(x, linear([a.o for a in attention], v, layout.rows), block, 0, layout.rows)
        attention = modules(block, 1, "EncDecAttention")
        q = linear([a.q for a in attention], norm(inner(block[0].layer[1]).layer_norm, x), layout.rows)
        heads = q.view(len(q), attention[0].n_heads, -1)
        toward = through_keys([a.k for a in attention], heads, layout.rows)
        seen = torch.stack([(t @ h.T).softmax(-1) @ h for t, h in zip(toward, states, strict=True)])
        mixed = through_values([a.v for a in attention], seen, layout.rows)
        x = add(x, linear([a.o for a in attention], mixed, layout.rows), block, 1, layout.rows)
        x = feed_forward(x, block, layout.rows)
    return norm(model.decoder.final_layer_norm, x)
