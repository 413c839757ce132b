"""What training costs: peak memory, where it goes, seconds a step, bytes on disk.

    python -m benchmarks.cost                    writes benchmarks/results/cost.json; about ten minutes on 2 cores

Every round of every method is a fresh process, and the methods take turns (A B C, A B C, …), so that a busy moment
of the machine does not hit one method alone. Memory is the process's highest resident memory during a step minus what
it held before the model was built; freed memory goes back to the system at once, so that this is what the step holds:
weights, gradients, optimizer state, and the rest, which is activations and workspace. Linux with glibc only.
"""

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.processes import command_line, in_a_fresh_process, one_process_settings, provenance
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.ia3.method import Ia3Config
from peft_core.methods.layer_norm.method import LayerNormConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.prefix.method import PrefixConfig
from peft_core.methods.registry import MethodConfig, method_label
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.report.costs.measured import COST, CostReport, TrainingCost, load_cost, write_report
from peft_core.t5.architecture import BaseModel, base_model

METHODS: dict[str, MethodConfig] = {
    "full": FullConfig(),
    "soft_prompt-10": SoftPromptConfig(num_virtual_tokens=10),
    "soft_prompt-1": SoftPromptConfig(num_virtual_tokens=1),
    "adapter-1": AdapterConfig(bottleneck_dim=1),
    "adapter-8": AdapterConfig(bottleneck_dim=8),
    "adapter-24": AdapterConfig(bottleneck_dim=24),  # AdapterHub's default on tiny-t5: reduction factor 16
    "adapter-8-houlsby": AdapterConfig(bottleneck_dim=8, placement="houlsby"),
    "lora-1": LoraConfig(r=1),
    "lora-8": LoraConfig(r=8),
    "lora-64": LoraConfig(r=64),
    "ia3": Ia3Config(),
    "prefix-10": PrefixConfig(),
    "layer-norm": LayerNormConfig(),
}
ONE_OF_EACH = ("full", "soft_prompt-10", "adapter-8", "lora-8")
DEFAULTS = {"tiny-t5": tuple(METHODS), "t5-small": ONE_OF_EACH}  # shape → methods; a step of t5-small costs five times
BATCH = 32
WIDTH = 320  # tokens: as many as the shipped runs read, so that Compare can say what their steps take
PRELOADED = ("benchmarks.training_round",)
Run = Callable[..., Any]


def measure_training(
    run: Run, base: BaseModel, methods: Sequence[MethodConfig], rounds: int, steps: int
) -> Iterator[TrainingCost]:
    """One row a method, from `rounds` processes each."""
    from benchmarks.random_model import Work
    from benchmarks.training_round import TrainingRound, training_round

    work = Work(BATCH, WIDTH, steps)
    done: list[list[TrainingRound]] = []
    for number in range(rounds):
        print(f"{base.name}: training, round {number + 1} of {rounds}", flush=True)
        done.append([run(training_round, base.architecture, method, work) for method in methods])
    for method, of_rounds in zip(methods, zip(*done, strict=True), strict=True):
        exact = asdict(of_rounds[0])
        del exact["peak_bytes"], exact["step_seconds"]
        yield TrainingCost(
            shape=base.name,
            method=method,
            batch=work.batch,
            width=work.width,
            peak_bytes=tuple(r.peak_bytes for r in of_rounds),
            step_seconds=tuple(r.step_seconds for r in of_rounds),
            **exact,
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a line each, write the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", nargs="+", default=list(DEFAULTS), help="base models; weights are random")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), help="default: all on tiny-t5, else one of each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1, help="timed steps of a round")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, default=COST, help="where the results go")
    options = parser.parse_args(arguments)
    os.environ |= one_process_settings(options.threads)
    run = partial(in_a_fresh_process, PRELOADED)
    training: list[TrainingCost] = []
    for base in map(base_model, options.shapes):
        methods = [METHODS[name] for name in options.methods or DEFAULTS.get(base.name, ONE_OF_EACH)]
        training += measure_training(run, base, methods, options.rounds, options.steps)
    source = provenance(command_line(parser, options), options.threads)
    write_report(CostReport(provenance=source, training=tuple(training)), options.json)
    print(summary(load_cost(options.json)))


def summary(report: CostReport) -> str:
    """The report as lines: megabytes are 10⁶ bytes."""
    lines = [f"{report.provenance.machine}, {report.provenance.threads} threads, {report.provenance.created}"]
    for row in report.training:
        parts = (row.weight_bytes, row.gradient_bytes, row.optimizer_bytes, row.rest, row.peak)
        names = ("weights", "gradients", "optimizer", "rest", "peak")
        memory = ", ".join(f"{name} {part / 1e6:,.1f}" for name, part in zip(names, parts, strict=True))
        lines.append(
            f"{row.shape:9} {method_label(row.method):22} MB: {memory}; {row.step:.3f} s a step; "
            f"file {row.file_bytes:,} bytes"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
