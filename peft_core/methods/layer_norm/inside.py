"""What is seen of layer-norm tuning while it trains: the weights w of a norm."""

import torch

from peft_core.methods.inside import At


def vector(at: At) -> torch.Tensor:
    """w, (d,)."""
    return at.tensor("weight")
