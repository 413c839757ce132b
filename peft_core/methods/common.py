"""What the methods share: freezing, weights kept in another precision, and the two ways to stand beside a module.

What is built from these, and from linear layers that say what they are (`t5/linear_form.py`), can be computed for many
checkpoints in one pass: `checkpoints/packed_pass.py` knows these and no method.
"""

import torch
from torch import nn
from torch.nn import functional as F

from peft_core.methods.method import MethodConfig
from peft_core.t5.backbone import Backbone


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


class WithAdapter(nn.Module):
    """A frozen module followed by another one: y = adapter(base_layer(x))."""

    def __init__(self, base_layer: nn.Module, adapter: nn.Module) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.adapter = adapter

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        return self.adapter(self.base_layer(hidden_states))


class InFront(nn.Module):
    """A T5 that reads its input behind further rows of embeddings; called and used to generate like the T5 itself."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    @property
    def rows(self) -> torch.Tensor:
        """What stands in front, (n, d)."""
        raise NotImplementedError

    @property
    def config(self):
        return self.model.config

    @property
    def shared(self) -> nn.Embedding:
        return self.model.shared

    def with_rows(self, embeddings: torch.Tensor, attention_mask: torch.Tensor) -> dict[str, torch.Tensor]:
        """embeddings (batch, T, d), mask (batch, T) → inputs_embeds (batch, n + T, d), attention_mask (batch, n + T)"""
        batch, n = len(embeddings), len(self.rows)
        rows = self.rows.to(embeddings.dtype).expand(batch, -1, -1)
        ones = attention_mask.new_ones(batch, n)
        return {
            "inputs_embeds": torch.cat([rows, embeddings], dim=1),
            "attention_mask": torch.cat([ones, attention_mask], dim=1),
        }

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **arguments):
        return self.model(**self.with_rows(self.shared(input_ids), attention_mask), **arguments)

    def generate(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **arguments) -> torch.Tensor:
        return self.model.generate(**self.with_rows(self.shared(input_ids), attention_mask), **arguments)
