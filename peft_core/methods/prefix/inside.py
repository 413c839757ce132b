"""What is seen of a prefix while it trains: the keys and values that a block reads.

No word stands among keys and values, so there are no nearest words of them: what is shown is how far they have moved.
"""

import torch

from peft_core.methods.inside import At
from peft_core.methods.prefix.method import pair_of


def matrix(at: At) -> torch.Tensor:
    """P_k over P_v of this block: (2·n, heads · d_kv)."""
    (prefix,) = at.now.values()  # one matrix for all blocks
    pairs = at.config.pairs(at.architecture.encoder_layers)
    by_pair = prefix.view(len(prefix), pairs, 2, at.architecture.inner_dim)
    return by_pair[:, pair_of(at.place.block, pairs)].transpose(0, 1).reshape(2 * len(prefix), -1)
