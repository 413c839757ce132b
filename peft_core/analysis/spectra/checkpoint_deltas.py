"""The updates ΔW of a checkpoint, read by the code that loads it."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from peft_core.analysis.spectra.delta import (
    NO_A,
    Delta,
    DenseDelta,
    LowRankDelta,
    check_method,
)
from peft_core.checkpoints.files import load_checkpoint
from peft_core.checkpoints.record import RunRecord
from peft_core.checkpoints.run_json import read_record
from peft_core.errors import PeftClassroomError
from peft_core.methods import apply_method
from peft_core.methods.lora.layer import DoRALinear, LoRALinear
from peft_core.methods.lora.method import LoraConfig
from peft_core.t5.backbone import Backbone
from peft_core.t5.names import Place, matrix_of

Deltas = dict[Place, Delta]


def load_deltas(folder: Path, backbone: Backbone) -> Deltas:
    """ΔW of every linear layer that the method adapts: LoRA's targets; in full fine-tuning all those of the blocks.

    Encoder first, block by block. What full fine-tuning does outside of them (embeddings, output layer, norms,
    position bias) is not among them.

    Raises:
        PeftClassroomError: if the checkpoint changes no weight matrix, is damaged, or was made for another base model.
    """
    check_method(read_record(folder).method, folder.name)
    model, _ = load_checkpoint(folder, backbone)
    return deltas_of(model, backbone)


def deltas_of(model: nn.Module, backbone: Backbone) -> Deltas:
    """The updates of a loaded model: of its LoRA layers, or, where it has none, of all linear layers of its blocks."""
    layers, before = linear_layers(model), linear_layers(backbone.model)
    lora = any(isinstance(layer, LoRALinear) for layer in layers.values())
    found: dict[Place, Delta] = {}
    for name, layer in layers.items():
        if isinstance(layer, DoRALinear):
            found[name] = DenseDelta(name, _numpy(layer.delta_weight()))
        elif isinstance(layer, LoRALinear):
            found[name] = LowRankDelta(name, _numpy(layer.lora_B), _numpy(layer.lora_A), layer.scaling)
        elif not lora:
            update = _numpy(layer.weight - before[name].weight)
            found[name] = DenseDelta(name, update, *(_rounding(layer.weight) if update.any() else (0.0, 0.0)))
    return dict(sorted(found.items(), key=lambda item: item[0].order))


def linear_layers(model: nn.Module) -> dict[Place, nn.Linear | LoRALinear]:
    """The linear layers of all blocks of a T5. The output layer lies in no block."""
    modules = ((matrix_of(dotted), module) for dotted, module in model.named_modules())
    return {name: module for name, module in modules if name}


def base_weights(backbone: Backbone) -> dict[Place, np.ndarray]:
    """W₀ of every linear layer of the blocks, (out, in)."""
    return {name: _numpy(layer.weight) for name, layer in linear_layers(backbone.model).items()}


def initial_deltas(record: RunRecord, backbone: Backbone) -> Deltas:
    """The factors of a LoRA run before its first step, drawn again with its seed: A as it started, B zero.

    Two runs with the same seed start from the same stream of random numbers, so some of their A's have rows in common
    before anything is learnt. φ of these is what similarity after training has to be compared with.

    Raises:
        PeftClassroomError: if the method is not LoRA.
    """
    if not isinstance(record.config.method, LoraConfig):
        raise PeftClassroomError(NO_A)
    torch.manual_seed(record.config.train.seed)
    return deltas_of(apply_method(backbone.replica(), record.config.method), backbone)


@torch.no_grad()
def _rounding(weight: torch.Tensor) -> tuple[float, float]:
    """What rounding to bf16, 8 significant bits, changed: its expected norm, and its largest singular value.

    An error is anywhere within a step, so it has step² / 12 on average. Were all steps equal, s·(√m + √n) would be the
    largest σ of an (m, n) matrix of errors with root mean square s. Steps grow with the weights, in some matrices with
    whole rows, and σ is up to 2.7 times as large then: so errors are drawn, always the same ones. Zeros for fp32.
    """
    if not torch.equal(weight, weight.to(torch.bfloat16).to(weight.dtype)):
        return 0.0, 0.0
    step = (torch.exp2(torch.frexp(weight).exponent.double() - 8) * (weight != 0)).cpu().numpy()
    drawn = step * np.random.default_rng(0).uniform(-0.5, 0.5, step.shape)
    wide = drawn if len(drawn) <= len(drawn.T) else drawn.T
    return float(np.linalg.norm(step) / 12**0.5), float(np.linalg.eigvalsh(wide @ wide.T)[-1] ** 0.5)


def _numpy(tensor: torch.Tensor):
    return tensor.detach().float().cpu().numpy()
