"""Memory and time of a few training steps, measured in the process that takes them.

The way is that of a real run: the same freezing, casting, loss and AdamW (loop.py). Only the validations and the
copies of the best weights are left out. Memory is that of a step when the optimizer has its state and the
gradients of the step before are still there, as in any step but the first.
"""

import gc
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import NoReturn

import torch
from safetensors.torch import save_file
from torch import nn

from benchmarks.memory import give_back_at_once, highest_bytes, keep_for_reuse, reset_highest, resident_bytes
from benchmarks.random_model import CPU, LABEL_IDS, SETTLING, Work, random_batch, random_model, seconds
from peft_core.checkpoints.files import stored_tensors
from peft_core.config import TrainConfig
from peft_core.methods.fast import fuse
from peft_core.methods.full.method import FullConfig
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_of
from peft_core.reviews.batches import Batch
from peft_core.t5.architecture import Architecture
from peft_core.t5.precision import cast
from peft_core.training.device import compute_dtype
from peft_core.training.loop.trainer import Trainer

# Trained before the measurement, so that what the libraries set up once is not counted as the method's. A miniature has
# the blocks of the shape that is measured, as a method may name single ones.
MINIATURE = {"vocab_size": 64, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_heads": 2}
MINIATURE_WORK = Work(batch=2, width=16, steps=1)


@dataclass(frozen=True)
class TrainingRound:
    """What one process measured, in bytes and seconds; the fields of `peft_core.report.costs.measured.TrainingCost`."""

    trainable_parameters: int
    total_parameters: int
    weight_bytes: int
    gradient_bytes: int
    optimizer_bytes: int
    file_bytes: int
    peak_bytes: int
    step_seconds: float


def training_round(architecture: Architecture, config: MethodConfig, work: Work) -> TrainingRound:
    """Train a random model of these shapes: a step for the memory, then steps for the clock.

    Raises:
        PeftClassroomError: where the system does not tell a process's highest memory.
    """
    give_back_at_once()
    _trainer(replace(architecture, **MINIATURE), config, MINIATURE_WORK, steps=1)
    gc.collect()
    before = resident_bytes()
    trainer, batch = _trainer(architecture, config, work, steps=SETTLING)
    reset_highest()
    trainer.take_step(batch)
    peak = highest_bytes() - before
    keep_for_reuse()
    clock = [seconds(lambda: trainer.take_step(batch)) for _ in range(SETTLING + work.steps)]
    parameters, weights = list(trainer.model.parameters()), list(trainer.weights.values())
    return TrainingRound(
        trainable_parameters=sum(p.numel() for p in parameters if p.requires_grad),
        total_parameters=sum(p.numel() for p in parameters),
        weight_bytes=_bytes(
            {*parameters, *weights}
        ),  # full fine-tuning keeps each twice: in bf16, and in fp32 to be moved
        gradient_bytes=_bytes(p.grad for p in weights),
        optimizer_bytes=_bytes(tensor for state in trainer.optimizer.state.values() for tensor in state.values()),
        file_bytes=file_bytes(trainer.model, config),
        peak_bytes=peak,
        step_seconds=median(clock[SETTLING:]),
    )


def _trainer(architecture: Architecture, config: MethodConfig, work: Work, steps: int) -> tuple[Trainer, Batch]:
    """A trainer that has taken `steps` steps, and the batch it took them on."""
    model = random_model(architecture, config)
    model.train()
    cast(model, compute_dtype(CPU))
    fuse(model, CPU)
    batch = random_batch(architecture, work, seed=0)
    trainer = Trainer(
        model,
        TrainConfig(epochs=50, batch_size=work.batch),
        method_of(config).learning_rate,
        lambda epoch: [batch],
        torch.arange(work.batch) % 2,
        LABEL_IDS,
        _no_validation,
        CPU,
    )
    for _ in range(steps):
        trainer.take_step(batch)
    return trainer, batch


def _no_validation() -> NoReturn:
    raise AssertionError("the benchmark takes steps only")


def _bytes(tensors: Iterable[torch.Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@torch.no_grad()
def file_bytes(model: nn.Module, config: MethodConfig) -> int:
    """Size of the weights file of a checkpoint of `model`: written, and looked at."""
    if isinstance(config, FullConfig):  # rounded as `Experiment.round_for_storage` does
        for parameter in model.parameters():
            parameter.copy_(parameter.to(torch.bfloat16))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        save_file(stored_tensors(method_of(config), model), path, metadata={"format": "pt"})
        return path.stat().st_size
