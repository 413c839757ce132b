"""How far does LoRA's first step move a layer, rank by rank? Measured with scaling 1; every rule for α multiplies it.

    python -m benchmarks.lora_scaling            writes benchmarks/results/lora-scaling.json; a minute

B is zero at first, so A has no gradient yet, and AdamW's first step moves every entry of B by the learning rate,
whatever the size of its gradient. Two things are proportional to the scaling s: the gradient that reaches B, and what
s·B·A·x is after that step. So one pass a rank and seed is enough for α fixed, α/r kept and α/√r alike.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.nn import functional as F

from benchmarks.processes import provenance
from peft_core.methods import apply_method
from peft_core.methods.lora.layer import lora_layers
from peft_core.methods.lora.method import METHOD, LoraConfig
from peft_core.report.costs.measured import write_report
from peft_core.report.experiments.lora_scaling import LORA_SCALING, RankStep, ScalingReport
from peft_core.reviews.batches import make_batches
from peft_core.reviews.config import DataConfig
from peft_core.t5.backbone import Backbone, label_logits, load_backbone
from peft_core.training.measuring import load_rows

RANKS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
REVIEWS, LENGTH, SEEDS = 32, 96, (0, 1, 2)


def measure(backbone: Backbone, rank: int, seed: int) -> RankStep:
    """One batch forward and back with α = r, and AdamW's first step of B."""
    rows = load_rows(backbone, DataConfig(max_length=LENGTH), "train", REVIEWS, seed)
    (batch,) = make_batches(rows.encoded, REVIEWS, [LENGTH], backbone.tokenizer.pad_token_id)
    torch.manual_seed(seed)
    model = apply_method(backbone.own_copy(), LoraConfig(r=rank, alpha=rank)).eval()
    layers, inputs = lora_layers(model), {}
    for name, layer in layers.items():
        layer.register_forward_hook(lambda _, given, out, name=name: inputs.update({name: given[0].detach()}))
    mask = torch.from_numpy(batch.attention_mask)
    logits = label_logits(model, torch.from_numpy(batch.input_ids), mask, backbone.label_ids)
    F.cross_entropy(logits, torch.from_numpy(rows.labels[batch.rows])).backward()
    gradient = sum(float(layer.lora_B.grad.square().sum()) for layer in layers.values()) ** 0.5
    before = {name: layer.lora_B.detach().clone() for name, layer in layers.items()}
    torch.optim.AdamW([layer.lora_B for layer in layers.values()], METHOD.learning_rate, weight_decay=0.0).step()
    with torch.no_grad():
        moved, frozen = 0.0, 0.0
        for name, layer in layers.items():
            low = F.linear(inputs[name], layer.lora_A)
            moved += float(F.linear(low, layer.lora_B - before[name]).square().sum())
            frozen += float(F.linear(inputs[name], layer.base_layer.weight).square().sum())
    return RankStep(r=rank, seed=seed, gradient=gradient, moved=(moved / frozen) ** 0.5)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a line a rank, write the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lora_scaling", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=LORA_SCALING, help="where the results go")
    options = parser.parse_args(arguments)
    backbone = load_backbone("tiny-t5")
    steps = []
    for rank in RANKS:
        steps += [measure(backbone, rank, seed) for seed in SEEDS]
        print(rank, *(f"{step.gradient:.4g} {step.moved:.4g}" for step in steps[-len(SEEDS) :]), sep="  ", flush=True)
    source = provenance("python -m benchmarks.lora_scaling", torch.get_num_threads())
    report = ScalingReport(
        provenance=source.model_copy(update={"precision": "float32"}),
        base=backbone.base.name,
        base_fingerprint=backbone.fingerprint,
        learning_rate=METHOD.learning_rate,
        reviews=REVIEWS,
        length=LENGTH,
        steps=tuple(steps),
    )
    write_report(report, options.json)


if __name__ == "__main__":
    main()
