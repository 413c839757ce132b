"""The schedule of a base model's pretraining: its rate, its rows, and how its optimizer steps."""

import numpy as np
import torch
from torch import nn

from peft_core.training.pretraining.config import PretrainConfig

WIDTH_STEP = 32  # rows are padded to a multiple of so many tokens


def learning_rate_at(step: int, config: PretrainConfig) -> float:
    """Warm-up, constant, linear decay. The constant part makes a longer `--steps` continue the same run."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    left = (config.steps - step) / (config.decay_fraction * config.steps)
    return config.learning_rate * min(1.0, left)


def rms_scaled_adamw(parameters: list[nn.Parameter]) -> torch.optim.AdamW:
    """AdamW with one group a tensor, so that each tensor can have a rate of its own.

    T5 tensors differ in scale by orders of magnitude (embeddings ≈ 1, q ≈ 1/√(d·d_kv)): one common rate leaves such a
    model at chance. As in Adafactor (Shazeer & Stern 2018, section 8) the step is relative to the tensor's own size.
    """
    groups = [{"params": [p]} for p in parameters]
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98), weight_decay=0.0, fused=True)


@torch.no_grad()
def set_rates(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        size = group["params"][0].pow(2).mean().sqrt().item()
        group["lr"] = rate * max(1e-3, size)


def batch_rows(lengths: np.ndarray, batch_size: int, index: int, seed: int) -> np.ndarray:
    """Rows of the `index`-th batch of an endless, reshuffled pass over rows of these lengths; depends on nothing else.

    Rows of a batch are of like length: padding would be a fifth of the work.
    """
    per_epoch = max(len(lengths) // batch_size, 1)
    epoch, position = divmod(index, per_epoch)
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(len(lengths))
    place = generator.permutation(per_epoch)[position]
    order = order[np.argsort(lengths[order] // WIDTH_STEP, kind="stable")]
    return np.sort(order[place * batch_size : (place + 1) * batch_size])
