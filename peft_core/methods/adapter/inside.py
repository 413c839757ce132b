"""What is seen of a bottleneck adapter while it trains: which of its units answer to which words."""

import torch

from peft_core.methods.adapter.layer import NON_LINEARITIES
from peft_core.methods.inside import At


def units(at: At, h: torch.Tensor) -> torch.Tensor:
    """a = act(W_down·h + b_down) of each row of `h`: (T, d) → (T, m)."""
    down = h @ at.tensor("adapter_down.weight").T + at.tensor("adapter_down.bias")
    return NON_LINEARITIES[at.config.non_linearity](down)
