"""Logits of any rows: each a model and what it reads. Those of different checkpoints go through the backbone together.

How one pass does that, and what it adds for each checkpoint: `packed_pass.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from peft_core.checkpoints.asking.packed_pass import Part, computable, one_pass, rows_in_front
from peft_core.t5 import backbone

PASS_TOKENS = 2048  # a review of 192 tokens for ten checkpoints; more in one pass is no faster and takes more memory
# Largest difference between a row's logit computed alone and in a pass: rounding in fp32. With the shipped checkpoints
# it is below 1e-5.
TOLERANCE = 1e-4
NOT_FINITE = (
    "the model answers with something that is no finite number, so there is no verdict. Its weights are damaged or far "
    "too large: train it again, with a lower learning rate."
)


@dataclass(frozen=True)
class Row:
    """A model and the token ids that it is to read; `label_ids`: the words it answers with, if not everybody's."""

    model: nn.Module
    ids: Sequence[int]
    label_ids: tuple[int, int] | None = None


@torch.inference_mode()
def label_logits(
    rows: Sequence[Row], label_ids: tuple[int, int], progress: Callable[[int], None] = lambda done: None
) -> torch.Tensor:
    """fp32 logits of the label words, (rows, 2), columns negative and positive, in as few passes as are sensible.

    The models share the frozen weights (`can_share`), or are one and the same.

    Args:
        label_ids: of the words that every row is asked for which has none of its own.
        progress: told after each pass how many rows are done.
    """
    result = torch.empty(len(rows), 2)
    for numbers in _passes([rows_in_front(row.model) + len(row.ids) for row in rows]):
        alike: dict[tuple[int, tuple[int, int]], list[int]] = {}
        for number in numbers:
            row = rows[number]
            alike.setdefault((id(row.model), row.label_ids or label_ids), []).append(number)
        parts = [
            Part(rows[own[0]].model, [rows[number].ids for number in own], asked) for (_, asked), own in alike.items()
        ]
        packed = all(computable(part.model) for part in parts)
        compute = one_pass if packed else _plainly
        result[[number for own in alike.values() for number in own]] = compute(parts)
        progress(numbers[-1] + 1)
    return result


def _plainly(parts: Sequence[Part]) -> torch.Tensor:
    """The same by calling each model, a row at a time: for a method that a packed pass cannot compute."""
    answers = []
    for part in parts:
        for ids in part.rows:
            row = torch.tensor([list(ids)])
            answers.append(backbone.label_logits(part.model, row, torch.ones_like(row), part.label_ids))
    return torch.cat(answers)


def _passes(lengths: Sequence[int]) -> list[list[int]]:
    """Row numbers, in order, cut where a pass would read more than PASS_TOKENS; a longer row is a pass by itself."""
    passes: list[list[int]] = []
    tokens = 0
    for number, length in enumerate(lengths):
        tokens += length
        if not passes or tokens > PASS_TOKENS:
            passes.append([])
            tokens = length
        passes[-1].append(number)
    return passes
