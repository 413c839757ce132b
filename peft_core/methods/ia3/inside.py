"""What is seen of (IA)³ while it trains: the vector l of a place, which starts at one."""

import torch

from peft_core.methods.inside import At


def vector(at: At) -> torch.Tensor:
    """l, a number for each key, value or inner activation."""
    return at.tensor("ia3_l")
