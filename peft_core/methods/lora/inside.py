"""What is seen of LoRA while it trains: ΔW of a matrix, s·B·A, with DoRA m ⊙ V / ‖V‖ − W₀ (see `layer.py`)."""

import torch

from peft_core.methods.inside import At, Factors


def update(at: At) -> Factors | torch.Tensor:
    """ΔW as its two factors; of DoRA, whose ΔW is of full rank, the matrix."""
    factors = Factors(at.config.scaling_at(at.place.name) * at.tensor("lora_B"), at.tensor("lora_A"))
    if not at.config.use_dora:
        return factors
    before = at.frozen("weight")
    whole = before + factors.up @ factors.down
    return (at.tensor("lora_magnitude_vector") / whole.norm(dim=1)).unsqueeze(1) * whole - before
