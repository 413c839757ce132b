"""From one customer to the next: a small checkpoint put on the base model in memory, or a whole model read from disk.

Both end with a model that could answer. The small one goes the way of every checkpoint here, with all checks; the whole
one the shortest there is, `from_pretrained`, with none. The files have been read before: what is timed is not the disk.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import torch
from transformers import T5ForConditionalGeneration

from peft_core.checkpoints.files import load_checkpoint
from peft_core.t5.backbone import ONE_AT_A_TIME, Backbone

SETTLING = 1  # rounds before those that count: files are read, memory is there


@dataclass(frozen=True)
class Swap:
    """One round: seconds of a change to a small checkpoint, and of one to a whole model."""

    small: float
    whole: float


def swaps(backbone: Backbone, small: Sequence[Path], whole: Path, rounds: int) -> Iterator[Swap]:
    """Change to one small checkpoint after another, and to the whole model beside each; which is first alternates.

    Args:
        small: folders of checkpoints over this backbone; they come round again.
        whole: folder of a whole model, as full fine-tuning leaves it.
    """

    def attach(folder: Path) -> None:
        load_checkpoint(folder, backbone)

    for number, folder in enumerate(islice(cycle(small), SETTLING + rounds)):
        both = [(attach, folder), (read_whole, whole)]
        taken = {}
        for change, of in both if number % 2 else reversed(both):
            started = time.perf_counter()
            change(of)
            taken[change] = time.perf_counter() - started
        if number >= SETTLING:
            yield Swap(taken[attach], taken[read_whole])


def read_whole(folder: Path) -> T5ForConditionalGeneration:
    """The model of a Transformers folder in fp32, as the app computes, ready to answer."""
    with ONE_AT_A_TIME:
        model = T5ForConditionalGeneration.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    return model.requires_grad_(False).eval()
