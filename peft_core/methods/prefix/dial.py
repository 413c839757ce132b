"""A dial on a trained prefix: how many of its rows are read."""

from torch import nn

from peft_core.methods.common import blend_numbers
from peft_core.methods.prefix.layer import PrefixAttention

blend = blend_numbers


def _attentions(model: nn.Module) -> list[PrefixAttention]:
    return [module for module in model.modules() if isinstance(module, PrefixAttention)]


def rows(model: nn.Module) -> int:
    """How many there are."""
    return len(_attentions(model)[0].prefix)


def keep_rows(model: nn.Module, n: int) -> None:
    """The first n of every block; they stay one parameter."""
    kept = nn.Parameter(_attentions(model)[0].prefix.detach()[:n].clone())
    for attention in _attentions(model):
        attention.prefix = kept
