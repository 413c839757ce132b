"""Checkpoints over the bundled base model with random deltas: what an answer costs depends on shapes, not on values."""

from pathlib import Path

import torch
from torch import nn

from peft_core.checkpoints.files import save_checkpoint
from peft_core.checkpoints.record import Measured, RunRecord
from peft_core.config import RunConfig
from peft_core.methods import apply_method, trainable_tensors
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import method_of
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.t5.backbone import Backbone

OF_EACH_METHOD: tuple[MethodConfig, ...] = (
    LoraConfig(r=1),
    LoraConfig(r=8),
    LoraConfig(r=16, target_modules=("q", "k", "v", "o", "wi", "wo")),
    LoraConfig(r=64),
    AdapterConfig(bottleneck_dim=8),
    AdapterConfig(bottleneck_dim=64),
    AdapterConfig(bottleneck_dim=8, placement="houlsby"),
    AdapterConfig(bottleneck_dim=48, placement="houlsby", non_linearity="gelu"),
    SoftPromptConfig(num_virtual_tokens=10),
    SoftPromptConfig(num_virtual_tokens=20),
)
LORAS: tuple[MethodConfig, ...] = tuple(LoraConfig(r=r) for r in (1, 2, 4, 8, 8, 16, 16, 32, 32, 64))
DELTA = 0.01  # standard deviation: answers change, and still are the label words


@torch.no_grad()
def save_all(configs: tuple[MethodConfig, ...], backbone: Backbone, folder: Path) -> list[Path]:
    """One checkpoint a configuration, in the project's format; its record says nothing that was measured."""
    generator = torch.Generator().manual_seed(0)
    saved = []
    for number, config in enumerate(configs):
        model = apply_method(backbone.replica(), config)
        for parameter in trainable_tensors(model).values():
            parameter.add_(DELTA * torch.randn(parameter.shape, generator=generator))
        saved.append(folder / f"{number}-{config.method}")
        save_checkpoint(model, _record(config, model, backbone), backbone, saved[-1])
    return saved


def _record(config: MethodConfig, model: nn.Module, backbone: Backbone) -> RunRecord:
    nothing = {"accuracy": 0.5, "low": 0.0, "high": 1.0, "n": 1}  # a share that could be any
    test, validation = Measured(split="test", **nothing), Measured(split="validation", **nothing)
    return RunRecord(
        name="random, for a benchmark",
        config=RunConfig(base=backbone.base.name, method=config),
        learning_rate=method_of(config).learning_rate,
        base_fingerprint=backbone.fingerprint,
        data_fingerprint="",
        split_sizes={},
        trainable_parameters=sum(p.numel() for p in trainable_tensors(model).values()),
        total_parameters=sum(p.numel() for p in model.parameters()),
        steps=0,
        planned_steps=0,
        stopped_by="epochs",
        best_step=0,
        untrained=validation,
        validation=validation,
        test=test,
        validations=(),
        seconds=0.0,
        examples_per_second=None,
        device="",
        precision="float32",
        created="",
        versions={},
    )
