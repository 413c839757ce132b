"""Counting by looking: build the real model without weights, apply the real method, add up `numel()`.

The base is given as a `BaseModel`, whose own `config.json` is read where there is one (`real_model.py`), or as bare
shapes. Nothing here is shared with `by_hand.py`; the app shows both and a tick only where they agree.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from torch import nn

from peft_core.counting.module_tree import Node, parameters, read_tree
from peft_core.counting.real_model import real_model
from peft_core.methods import apply_method, unread_numbers
from peft_core.methods.method import MethodConfig
from peft_core.t5.architecture import Architecture, BaseModel
from peft_core.t5.backbone import WithoutValues
from peft_core.t5.names import idle_in_one_step


@dataclass(frozen=True)
class Audit:
    """What `numel()` says: parameters that train, and all parameters (a shared tensor counts once).

    Of those that train `numel_idle` can learn nothing, because with one decoder step their gradient is exactly zero,
    and `numel_unread` can learn nothing, because no part of the model reads them.
    `config_file` is what the model was built from. None: from the shapes that this library knows.
    """

    numel_trainable: int
    numel_total: int
    config_file: Path | None
    numel_idle: int
    numel_unread: int


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
def survey(base: BaseModel | Architecture, config: MethodConfig) -> Survey:
    """Build the real model with the real method on the meta device (shapes without memory), and look at it.

    One build costs up to an eighth of a second for a T5 of 48 blocks; it is not kept, only what was seen.
    """
    model, config_file = real_model(base)
    before = {*model.modules(), *model.parameters()}
    with WithoutValues():
        model = apply_method(model, config, prompt_ids=[0])  # whatever words it starts from: shapes are the same
    return Survey(_add_up(model, config_file, unread_numbers(model, config)), read_tree(model, before))


def _add_up(model: nn.Module, config_file: Path | None, unread: int) -> Audit:
    sizes = [(p.numel(), p.requires_grad, idle_in_one_step(name)) for name, p in model.named_parameters()]
    return Audit(
        numel_trainable=sum(n for n, trains, _ in sizes if trains),
        numel_total=sum(n for n, _, _ in sizes),
        config_file=config_file,
        numel_idle=sum(n for n, trains, idle in sizes if trains and idle),
        numel_unread=unread,
    )


def count_by_numel(base: BaseModel | Architecture, config: MethodConfig) -> Audit:
    """Count by `numel()` over the real model on the meta device."""
    return survey(base, config).audit


def module_tree(base: BaseModel | Architecture, config: MethodConfig) -> Node:
    """The modules of the real model with the method in it, alike neighbours folded."""
    return survey(base, config).tree


def trainable_rows(base: BaseModel | Architecture, config: MethodConfig) -> list[TreeRow]:
    """The trainable tensors with shape and size, in the order of the model, tied ones once."""
    return [
        TreeRow(name, tensor.shape, tensor.numel)
        for name, tensor in parameters(module_tree(base, config))
        if tensor.trains and not tensor.tied_to
    ]
