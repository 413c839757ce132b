"""What is seen of a soft prompt while it trains: its rows, which stand among the embeddings of words."""

import torch

from peft_core.methods.inside import At


def rows(at: At) -> torch.Tensor:
    """P, (n, d)."""
    return at.now["prompt_embeddings"]
