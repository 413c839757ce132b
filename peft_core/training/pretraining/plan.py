"""The shape, data and schedule of a base model's pretraining, and how its optimizer steps."""

import numpy as np
import torch
from pydantic import Field
from torch import nn

from peft_core.validated import Frozen

WIDTH_STEP = 32  # rows are padded to a multiple of so many tokens


class PretrainConfig(Frozen):
    """Shape, data and schedule of a base model."""

    d_model: int = Field(256, ge=16)
    d_ff: int = Field(1024, ge=16)
    num_heads: int = Field(8, ge=1)
    encoder_layers: int = Field(4, ge=1)
    decoder_layers: int = Field(2, ge=1)
    from_layers: bool = Field(False, description="start from the teacher's layers, not from its words alone")
    from_base: str | None = Field(None, description="start from some blocks and the decoder of this bundled base model")
    kept_blocks: tuple[int, ...] = Field((), description="encoder blocks of `from_base` to start from, counted from 0")
    taught: dict[int, int] = Field(
        {2: 3, 4: 6}, min_length=1, description="after this many encoder blocks: what the teacher has after that many"
    )
    window: int = Field(192, ge=8, description="tokens of a training row, prefix and end included")
    batch_size: int = Field(64, ge=1)
    sentiment_weight: float = Field(0.2, ge=0, description="λ")
    snippet_batch_size: int = Field(64, ge=1)
    snippet_width: int = Field(64, ge=8)
    snippet_every: int = Field(10, ge=2, description="every n-th step is a batch of labelled snippets")
    steps: int = Field(6000, ge=1)
    warmup_steps: int = Field(100, ge=0)
    decay_fraction: float = Field(0.4, gt=0, le=1, description="last part of the run, rate falls linearly to zero")
    learning_rate: float = Field(2e-2, gt=0, description="times each tensor's root mean square")
    max_grad_norm: float = Field(1.0, gt=0)
    max_reviews: int | None = Field(None, ge=2, description="fewer training reviews, for a trial")
    seed: int = 0


PRESETS = {
    "tiny-t5": PretrainConfig(
        d_model=384, d_ff=1536, num_heads=12, encoder_layers=3, from_base="mini-t5", kept_blocks=(0, 2, 5),
        taught={3: 6}, batch_size=32, steps=2000, decay_fraction=0.6, learning_rate=1e-2,
    ),
    "mini-t5": PretrainConfig(
        d_model=384, d_ff=1536, num_heads=12, encoder_layers=6, from_layers=True, taught={3: 3, 6: 6},
        batch_size=32, steps=2200, decay_fraction=0.5, learning_rate=1e-2,
    ),
}  # fmt: skip


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
