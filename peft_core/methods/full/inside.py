"""What is seen of full fine-tuning while it trains: ΔW = W − W₀ of a matrix."""

import torch

from peft_core.methods.inside import At


def update(at: At) -> torch.Tensor:
    """W − W₀, (out, in)."""
    return at.tensor("weight") - at.frozen("weight")
