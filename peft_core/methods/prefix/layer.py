"""Prefix tuning: trainable keys and values in front of a self-attention's own (Li & Liang 2021, section 4.2).

    K = [P_k ; W_k·X]      V = [P_v ; W_v·X]      H = softmax(Q·Kᵀ + bias)·V

    P_k, P_v  (n, heads · d_kv)    trainable, a pair for a block, all in one matrix        every W  frozen

peft's form for a T5 stands in the decoder's self-attention alone, and that is what is written here. The decoder takes
one step and sees its start token only: without a prefix its softmax has one key to choose from, with one it has n + 1,
and q, k and the position bias, on which nothing depended, decide how much of the prefix is read. The model is another
one at step 0 already.

The prefix stands where tokens would stand that had been read before: n positions back from the first token.
"""

import torch
from torch import nn
from torch.nn import functional as F
from transformers.cache_utils import Cache, EncoderDecoderCache
from transformers.models.t5.modeling_t5 import T5Attention

from peft_core.methods.common import freeze
from peft_core.methods.prefix.method import PrefixConfig, pair_of


class PrefixAttention(nn.Module):
    """A frozen self-attention that reads a prefix, too.

    `prefix` (n, pairs · 2 · heads·d_kv) is one parameter of all blocks, as it is one matrix in the file.
    """

    def __init__(self, base_layer: T5Attention, prefix: nn.Parameter, pair: int) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.prefix = prefix
        self.pair = pair

    def rows(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The pair that this block reads: keys and values, (heads, n, d_kv) each."""
        heads, d_kv = self.base_layer.n_heads, self.base_layer.key_value_proj_dim
        by_pair = self.prefix.view(len(self.prefix), -1, 2, heads, d_kv)
        keys, values = by_pair[:, self.pair].permute(1, 2, 0, 3)
        return keys, values

    def forward(
        self,
        hidden_states: torch.Tensor,
        mask: torch.Tensor | None = None,
        key_value_states: None = None,
        position_bias: torch.Tensor | None = None,
        past_key_values: Cache | None = None,
        **arguments,
    ):
        """hidden_states (batch, length, d) → (batch, length, d), position bias, weights (batch, heads, length, keys)"""
        keys, values = (rows.to(hidden_states.dtype) for rows in self.rows())
        behind = Behind(keys, values, past_key_values)
        mask = behind.longer(mask, hidden_states)
        return self.base_layer(
            hidden_states, mask=mask, position_bias=position_bias, past_key_values=behind, **arguments
        )

    def extra_repr(self) -> str:
        return f"pair={self.pair}"


class Behind:
    """What T5's attention asks of a cache: how much was read before, and the keys and values of that and of now.

    The prefix comes first. What generating has read before lies in `cache`, which knows nothing of a prefix.
    """

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, cache: Cache | None) -> None:
        self.prefix = keys, values  # (heads, n, d_kv)
        self.cache = cache.self_attention_cache if isinstance(cache, EncoderDecoderCache) else cache

    def get_seq_length(self, layer: int) -> int:
        """The number of keys before the first new one."""
        return self.prefix[0].shape[1] + (self.cache.get_seq_length(layer) if self.cache is not None else 0)

    def update(self, keys: torch.Tensor, values: torch.Tensor, layer: int) -> list[torch.Tensor]:
        """K = [P_k ; keys read before ; new keys], and V likewise: (batch, heads, n + tokens, d_kv) each."""
        own = (keys, values) if self.cache is None else self.cache.update(keys, values, layer)
        return [
            torch.cat([rows.expand(len(tokens), -1, -1, -1), tokens], dim=2)
            for rows, tokens in zip(self.prefix, own, strict=True)
        ]

    def longer(self, mask: torch.Tensor | None, hidden_states: torch.Tensor) -> torch.Tensor | None:
        """The mask (batch, 1, length, tokens), with the prefix open to every query.

        None means that all is open, or, for several queries, that a query sees no later token. The attention could not
        tell where the first query stands: its mask is written out.
        """
        length, n = hidden_states.shape[1], self.prefix[0].shape[1]
        if mask is not None:
            return F.pad(mask, (n, 0), value=True if mask.dtype == torch.bool else 0.0)
        if length == 1:
            return None
        before = length - 1 + n  # of the last query; no cache: with one there would be a mask
        closed = torch.full((length, before + 1), torch.finfo(hidden_states.dtype).min, device=hidden_states.device)
        return closed.triu(n + 1).to(hidden_states.dtype)


def unread(model: nn.Module) -> int:
    """How many trained numbers belong to pairs that no block of `model` reads: no gradient reaches them."""
    readers = [module for module in model.modules() if isinstance(module, PrefixAttention)]
    one = 2 * len(readers[0].prefix) * readers[0].base_layer.inner_dim
    return readers[0].prefix.numel() - one * len({reader.pair for reader in readers})


def apply(model: nn.Module, config: PrefixConfig, prompt_ids: list[int] | None = None) -> nn.Module:
    """Freeze the T5 `model` and put a prefix into each self-attention of its decoder; returns the same model."""
    freeze(model)
    blocks = model.decoder.block
    pairs = config.pairs(len(model.encoder.block))
    size = pairs * 2 * blocks[0].layer[0].SelfAttention.inner_dim
    start = torch.zeros if config.prompt_init == "zero" else torch.randn
    prefix = nn.Parameter(start(config.num_virtual_tokens, size, device=model.shared.weight.device))
    for number, block in enumerate(blocks):
        layer = block.layer[0]
        layer.SelfAttention = PrefixAttention(layer.SelfAttention, prefix, pair_of(number, pairs))
    return model
