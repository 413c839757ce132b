"""What the methods share: freezing, weights kept in another precision, and three ways to stand in a T5.

    WrappedLinear    around a frozen linear layer, and linear itself: can be merged into its weight
    WithAdapter      behind a frozen module, or beside it (BesideAdapter)
    InFront          in front of the encoder's input

What is built from these alone can be computed for many checkpoints in one pass: `checkpoints/asking/packed_pass.py`
knows them and no method.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from peft_core.errors import PeftClassroomError
from peft_core.methods.method import MethodConfig
from peft_core.t5.backbone import Backbone
from peft_core.t5.linear_form import LinearForm, dense


def freeze(model: nn.Module) -> None:
    """No parameter of `model` asks for a gradient afterwards. `requires_grad` is the one source of truth."""
    for parameter in model.parameters():
        parameter.requires_grad_(False)


def linear(layer: nn.Linear, x: torch.Tensor) -> torch.Tensor:
    """`layer(x)` in the precision of x. Trainable weights stay in fp32 while a frozen backbone may run in bf16."""
    bias = None if layer.bias is None else layer.bias.to(x.dtype)
    return F.linear(x, layer.weight.to(x.dtype), bias)


def prompt_ids(backbone: Backbone, config: MethodConfig) -> list[int] | None:
    """Token ids of the words that the method starts from, where it starts from words."""
    if config.start_text:
        return backbone.tokenizer(config.start_text, add_special_tokens=False)["input_ids"]
    return None


@torch.no_grad()
def blend_numbers(model: nn.Module, first: nn.Module, second: nn.Module, t: float) -> None:
    """Every trained number of `model` becomes (1 − t) of the first's plus t of the second's. All have one shape."""
    for own, one, two in zip(*(each.parameters() for each in (model, first, second)), strict=True):
        if own.requires_grad:
            own.copy_((1 - t) * one + t * two)


class WrappedLinear(nn.Module, ABC):
    """A frozen linear layer (in → out) with something around it that is linear, too."""

    def __init__(self, base_layer: nn.Linear) -> None:
        super().__init__()
        self.base_layer = base_layer
        self._weight_before_merge: nn.Parameter | None = None

    @abstractmethod
    def linear_form(self) -> LinearForm | None:
        """What the layer computes; None while it is no linear function of x alone."""

    @property
    def weight(self) -> torch.Tensor:
        """The base weight: transformers' T5 reads `wo.weight.dtype`."""
        return self.base_layer.weight

    @property
    def merged(self) -> bool:
        return self._weight_before_merge is not None

    @torch.no_grad()
    def merge(self) -> None:
        """The weight of the whole takes the place of W₀, so that the forward pass costs what the base model costs.

        The old weight is kept, not overwritten: other models may share its tensor, and `unmerge` is exact. Idempotent.

        Raises:
            RuntimeError: in training mode with dropout, where there is no such weight.
        """
        if self.merged:
            return
        form = self.linear_form()
        if form is None:
            raise RuntimeError("A layer whose dropout is at work has no one weight. Merge in evaluation mode.")
        before = self.base_layer.weight
        self._weight_before_merge = before
        self.base_layer.weight = nn.Parameter(dense(form).to(before.dtype), requires_grad=False)

    def unmerge(self) -> None:
        """W₀ again, bit for bit. Idempotent."""
        if self._weight_before_merge is not None:
            self.base_layer.weight = self._weight_before_merge
            self._weight_before_merge = None


def wrapped_linears(model: nn.Module) -> dict[str, WrappedLinear]:
    """The wrapped linear layers of `model` by their dotted name."""
    return {name: module for name, module in model.named_modules() if isinstance(module, WrappedLinear)}


def merge(model: nn.Module) -> None:
    """Merge every wrapped layer of `model` into its weight."""
    for layer in wrapped_linears(model).values():
        layer.merge()


def unmerge(model: nn.Module) -> None:
    """Undo `merge`."""
    for layer in wrapped_linears(model).values():
        layer.unmerge()


def linears(model: nn.Module, wanted: Iterable[str]) -> list[tuple[nn.Module, str, nn.Linear]]:
    """(parent, name, layer) of the linear layers with a name in `wanted`, collected before any is replaced.

    Raises:
        PeftClassroomError: if no layer has one of these names.
    """
    names = set(wanted)
    found = [
        (parent, name, child)
        for parent in model.modules()
        for name, child in parent.named_children()
        if name in names and isinstance(child, nn.Linear)
    ]
    if not found:
        raise PeftClassroomError(f"This model has no linear layer named {', '.join(sorted(names))}.")
    return found


class WithAdapter(nn.Module):
    """A frozen module followed by another one: y = adapter(base_layer(x)).

    Of an attention sub-layer of T5, which hands on several things, y is the first.
    """

    def __init__(self, base_layer: nn.Module, adapter: nn.Module) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.adapter = adapter

    def joined(self, x: torch.Tensor, made: torch.Tensor) -> torch.Tensor:
        """What is handed on, from what the frozen module was given and what it made of it."""
        return self.adapter(made)

    def forward(self, hidden_states: torch.Tensor, *others: Any, **named: Any) -> Any:
        made = self.base_layer(hidden_states, *others, **named)
        if isinstance(made, tuple):
            return (self.joined(hidden_states, made[0]), *made[1:])
        return self.joined(hidden_states, made)


class BesideAdapter(WithAdapter):
    """A frozen module and another one beside it: y = base_layer(x) + adapter(x)."""

    def joined(self, x: torch.Tensor, made: torch.Tensor) -> torch.Tensor:
        """Their sum."""
        return made + self.adapter(x)


class InFront(nn.Module, ABC):
    """A T5 that reads its input behind further rows of embeddings; called and used to generate like the T5 itself."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    @property
    @abstractmethod
    def rows(self) -> torch.Tensor:
        """What stands in front, (n, d)."""

    @property
    def config(self):
        return self.model.config

    @property
    def shared(self) -> nn.Embedding:
        return self.model.shared

    @property
    def lm_head(self) -> nn.Linear:
        return self.model.lm_head

    def with_rows(self, embeddings: torch.Tensor, attention_mask: torch.Tensor) -> dict[str, torch.Tensor]:
        """embeddings (batch, T, d), mask (batch, …, T) → inputs_embeds (batch, n + T, d), mask (batch, …, n + T)"""
        batch, n = len(embeddings), len(self.rows)
        rows = self.rows.to(embeddings.dtype).expand(batch, -1, -1)
        ones = attention_mask.new_ones(*attention_mask.shape[:-1], n)
        return {
            "inputs_embeds": torch.cat([rows, embeddings], dim=1),
            "attention_mask": torch.cat([ones, attention_mask], dim=-1),
        }

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **arguments):
        return self.model(**self.with_rows(self.shared(input_ids), attention_mask), **arguments)

    def generate(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **arguments) -> torch.Tensor:
        return self.model.generate(**self.with_rows(self.shared(input_ids), attention_mask), **arguments)
