"""What each method answers before its first training step, beside the base model, on the same reviews.

    python -m benchmarks.step_zero               writes benchmarks/results/step_zero.json; about three minutes
    python -m benchmarks.step_zero --missing     measures only what the file has not, of the same base, reviews and seed

LoRA, adapters and full fine-tuning start as the exact base model; a soft prompt does not, nor do adapters that start
from random numbers: how far those are from it is measured against the σ of the numbers, too. The accuracy alone would
not show it: as many verdicts may turn right as turn wrong. So the verdicts themselves are compared, and the
probabilities.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.processes import provenance
from peft_core.methods import apply_method, trainable_tensors
from peft_core.methods.adapter.layer import BERT_STD
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.common import prompt_ids
from peft_core.methods.full.method import FullConfig
from peft_core.methods.ia3.method import Ia3Config
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.method import MethodConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.report.costs.measured import (
    STEP_ZERO,
    StartWidth,
    StepZeroReport,
    StepZeroRow,
    load_step_zero,
    write_report,
)
from peft_core.reviews.config import DataConfig
from peft_core.reviews.splits import LABEL_WORDS
from peft_core.t5.backbone import Backbone, load_backbone
from peft_core.training.measuring import MeasuredSplit, Rows, load_rows

CPU = torch.device("cpu")
SIGMAS, SEEDS, FEW = (0.003, 0.01, 0.02, 0.05, 0.1, 0.2), (0, 1, 2), 100  # reviews: six times three answers to each
METHODS: tuple[MethodConfig, ...] = (
    FullConfig(),
    SoftPromptConfig(num_virtual_tokens=10),
    SoftPromptConfig(num_virtual_tokens=10, prompt_init="random"),
    SoftPromptConfig(num_virtual_tokens=10, prompt_init="text", prompt_text=" ".join(LABEL_WORDS)),
    AdapterConfig(bottleneck_dim=8),
    AdapterConfig(bottleneck_dim=8, placement="houlsby"),
    *(AdapterConfig(bottleneck_dim=8, adapter_init=init) for init in ("houlsby", "bert", "linear")),
    LoraConfig(r=8),
    Ia3Config(),
)
FURTHER_SEEDS = (1, 2, 3)  # what one draw of a prompt's start does says little


def compare(
    backbone: Backbone, rows: Rows, seed: int, methods: Sequence[MethodConfig] = METHODS
) -> tuple[float, list[StepZeroRow]]:
    """The base model's accuracy, and each untrained method against it; in fp32, parameters drawn with `seed`."""
    split, truth = MeasuredSplit(rows, backbone, CPU), rows.labels.astype(bool)
    base = split.probabilities(backbone.replica())
    measured = []
    for method in methods:
        untrained = _untrained(backbone, method, split, seed)
        change = np.abs(untrained - base)
        drawn = isinstance(method, SoftPromptConfig) and method.prompt_init != "text"
        further = FURTHER_SEEDS if drawn else ()
        measured.append(
            StepZeroRow(
                method=method,
                accuracy=float(((untrained > 0.5) == truth).mean()),
                changed_verdicts=int(((untrained > 0.5) != (base > 0.5)).sum()),
                largest_change=float(change.max()),
                mean_change=float(change.mean()),
                further_mean_changes=tuple(
                    float(np.abs(_untrained(backbone, method, split, other) - base).mean()) for other in further
                ),
            )
        )
    return float(((base > 0.5) == truth).mean()), measured


def _untrained(backbone: Backbone, method: MethodConfig, split: MeasuredSplit, seed: int) -> np.ndarray:
    own = isinstance(method, FullConfig)
    torch.manual_seed(seed)
    model = apply_method(backbone.own_copy() if own else backbone.replica(), method, prompt_ids(backbone, method))
    return split.probabilities(model)


def adapter_widths(backbone: Backbone, rows: Rows, sigmas: Sequence[float], seeds: Sequence[int]) -> list[StartWidth]:
    """Untrained adapters against the base model, from the narrowest start to the widest."""
    split = MeasuredSplit(rows, backbone, CPU)
    base = split.probabilities(backbone.replica())
    found = []
    for sigma in sigmas:
        changed, means = [], []
        for seed in seeds:
            torch.manual_seed(seed)
            model = apply_method(backbone.replica(), AdapterConfig(bottleneck_dim=8, adapter_init="bert"))
            with torch.no_grad():
                for parameter in trainable_tensors(model).values():  # the biases are 0 and stay so
                    parameter.mul_(sigma / BERT_STD)
            untrained = split.probabilities(model)
            changed.append(int(((untrained > 0.5) != (base > 0.5)).sum()))
            means.append(float(np.abs(untrained - base).mean()))
        found.append(StartWidth(sigma=sigma, n=len(base), changed_verdicts=tuple(changed), mean_changes=tuple(means)))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a line each, write the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.step_zero", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=STEP_ZERO, help="where the results go")
    parser.add_argument("--missing", action="store_true", help="keep the rows that the file has")
    options = parser.parse_args(arguments)
    backbone, data, seed = load_backbone("tiny-t5"), DataConfig(), 0
    rows = load_rows(backbone, data, "validation", data.validation_size, seed)
    kept, widths = {}, ()
    if options.missing and options.json.is_file():
        before = load_step_zero(options.json)
        if (before.base_fingerprint, before.seed, before.n) == (backbone.fingerprint, seed, len(rows.labels)):
            kept, widths = {row.method: row for row in before.rows}, before.adapter_widths
    accuracy, found = compare(backbone, rows, seed, [method for method in METHODS if method not in kept])
    found = kept | {row.method: row for row in found}
    measured = [found[method] for method in METHODS]
    few = load_rows(backbone, data, "validation", FEW, seed)
    source = provenance("python -m benchmarks.step_zero", torch.get_num_threads())
    report = StepZeroReport(
        provenance=source.model_copy(update={"precision": "float32"}),
        base=backbone.base.name,
        base_fingerprint=backbone.fingerprint,
        seed=seed,
        n=len(rows.labels),
        base_accuracy=accuracy,
        rows=tuple(measured),
        adapter_widths=widths or tuple(adapter_widths(backbone, few, SIGMAS, SEEDS)),
    )
    write_report(report, options.json)
    print(f"base: {accuracy:.1%} of {report.n}")
    for row in measured:
        print(f"{row.method!r}: {row.accuracy:.1%}, {row.changed_verdicts} verdicts differ, p by {row.mean_change:.4f}")
    for width in report.adapter_widths:
        print(f"adapters from σ = {width.sigma}: {width.changed_verdicts} verdicts differ, p by {width.mean_changes}")


if __name__ == "__main__":
    main()
