"""Counting by looking: build the real model without weights, apply the real method, add up `numel()`.

Nothing here is shared with `counting.py`; the app shows both and a tick only where they agree.
"""

from dataclasses import dataclass
from functools import lru_cache

from torch import nn

from peft_core.architecture import Architecture
from peft_core.backbone import build_on_meta
from peft_core.configs import MethodConfig, SoftPromptConfig
from peft_core.methods import apply_method


@dataclass(frozen=True)
class Audit:
    """What `numel()` says: parameters that train, and all parameters (a shared tensor counts once)."""

    numel_trainable: int
    numel_total: int


@dataclass(frozen=True)
class TreeRow:
    """One trainable tensor of the module tree."""

    name: str
    shape: tuple[int, ...]
    numel: int


def method_on_meta(architecture: Architecture, config: MethodConfig) -> nn.Module:
    """The real model with the real method on the meta device: shapes without memory."""
    prompt_ids = [0] if isinstance(config, SoftPromptConfig) else None  # only its length would matter, and it does not
    return apply_method(build_on_meta(architecture), config, prompt_ids)


@lru_cache(maxsize=512)
def audit(architecture: Architecture, config: MethodConfig) -> Audit:
    """Count by `numel()` over the real model on the meta device."""
    model = method_on_meta(architecture, config)
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return Audit(sum(n for n, trains in sizes if trains), sum(n for n, _ in sizes))


def trainable_rows(architecture: Architecture, config: MethodConfig) -> list[TreeRow]:
    """The trainable tensors with shape and size, in the order of the model."""
    model = method_on_meta(architecture, config)
    return [TreeRow(n, tuple(p.shape), p.numel()) for n, p in model.named_parameters() if p.requires_grad]
