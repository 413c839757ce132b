"""T5 models with random weights, batches of random tokens: what a step costs depends on shapes, not on values."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from peft_core.methods import apply_method
from peft_core.methods.method import MethodConfig
from peft_core.reviews.batches import Batch
from peft_core.t5.architecture import Architecture
from peft_core.t5.backbone import hf_config, untrained_t5
from peft_core.t5.precision import set_backbone_dropout

CPU = torch.device("cpu")
LABEL_IDS = (3, 4)
SETTLING = 1  # steps before the clock is read: a new shape builds its kernels there


@dataclass(frozen=True)
class Work:
    """How much a measuring process does: `steps` timed steps on batches of `batch` × `width` tokens."""

    batch: int
    width: int
    steps: int


def random_model(architecture: Architecture, config: MethodConfig | None) -> nn.Module:
    """A T5 in fp32 with the method applied, as a run builds it; None: the base model, frozen."""
    torch.manual_seed(0)
    # plain attention, as backbone.py loads it on a CPU
    model = untrained_t5(hf_config(architecture, attn_implementation="eager"), architecture.tied)
    set_backbone_dropout(model, 0.0)
    model.requires_grad_(False)
    return model if config is None else apply_method(model, config)


def random_batch(architecture: Architecture, work: Work, seed: int) -> Batch:
    """`batch` rows of `width` tokens, without padding."""
    shape = (work.batch, work.width)
    ids = np.random.default_rng(seed).integers(5, architecture.vocab_size, shape)
    return Batch(ids, np.ones(shape, dtype=np.int64), np.arange(work.batch))


def seconds(work: Callable[[], object]) -> float:
    """How long `work()` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
