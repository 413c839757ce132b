"""Full fine-tuning.

    W ← W − η · ∂loss/∂W        for every weight W of the model

Nothing is added and nothing is frozen: the yardstick for the other methods. At step 0 the model is the base model.
"""

from torch import nn

from peft_core.methods.full.method import FullConfig


def apply(model: nn.Module, config: FullConfig, prompt_ids: list[int] | None = None) -> nn.Module:
    """Make every parameter of `model` trainable; returns the same model."""
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    return model
