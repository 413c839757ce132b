"""Counting by looking: build the real model without weights, apply the real method, add up `numel()`.

Nothing here is shared with `by_hand.py`; the app shows both and a tick only where they agree.
"""

from dataclasses import dataclass
from functools import lru_cache

from torch import nn

from peft_core.counting.module_tree import Node, parameters, read_tree
from peft_core.methods import apply_method
from peft_core.methods.method import MethodConfig
from peft_core.t5.architecture import Architecture
from peft_core.t5.backbone import WithoutValues, build_on_meta


@dataclass(frozen=True)
class Audit:
    """What `numel()` says: parameters that train, and all parameters (a shared tensor counts once)."""

    numel_trainable: int
    numel_total: int


@dataclass(frozen=True)
class Survey:
    """What one build of the real model tells: its sums, and its modules."""

    audit: Audit
    tree: Node


@dataclass(frozen=True)
class TreeRow:
    """One trainable tensor of the module tree."""

    name: str
    shape: tuple[int, ...]
    numel: int


@lru_cache(maxsize=512)
def survey(architecture: Architecture, config: MethodConfig) -> Survey:
    """Build the real model with the real method on the meta device (shapes without memory), and look at it.

    One build costs up to an eighth of a second for a T5 of 48 blocks; it is not kept, only what was seen.
    """
    model = build_on_meta(architecture)
    base = {*model.modules(), *model.parameters()}
    with WithoutValues():
        model = apply_method(model, config, prompt_ids=[0])  # whatever words it starts from: shapes are the same
    return Survey(_add_up(model), read_tree(model, base))


def _add_up(model: nn.Module) -> Audit:
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return Audit(sum(n for n, trains in sizes if trains), sum(n for n, _ in sizes))


def count_by_numel(architecture: Architecture, config: MethodConfig) -> Audit:
    """Count by `numel()` over the real model on the meta device."""
    return survey(architecture, config).audit


def module_tree(architecture: Architecture, config: MethodConfig) -> Node:
    """The modules of the real model with the method in it, alike neighbours folded."""
    return survey(architecture, config).tree


def trainable_rows(architecture: Architecture, config: MethodConfig) -> list[TreeRow]:
    """The trainable tensors with shape and size, in the order of the model, tied ones once."""
    return [
        TreeRow(name, tensor.shape, tensor.numel)
        for name, tensor in parameters(module_tree(architecture, config))
        if tensor.trains and not tensor.tied_to
    ]
