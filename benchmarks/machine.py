"""How near to the machine's limit training is: FLOPs of a step, its seconds, and the fastest matrix product here.

    python -m benchmarks.machine                 writes benchmarks/results/machine.json; about four minutes on 2 cores

The FLOPs are those of the plain model (benchmarks/flops.py), the seconds those of `Trainer.take_step` as a run calls
it, on batches without padding, and the peak is the best of several sizes of product in the same precision, measured in
the same run. Every round of each is a fresh process, and they take turns.
"""

import argparse
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Literal

from pydantic import Field

from benchmarks.peer_reports import Part, spread
from benchmarks.processes import command_line, in_a_fresh_process, one_process_settings, provenance
from benchmarks.shapes import source_of
from benchmarks.training_speed import METHODS, run_config
from peft_core.methods.registry import MethodConfig, MethodField, method_label
from peft_core.paths import RESULTS
from peft_core.report.costs.measured import Provenance, write_report

MACHINE = RESULTS / "machine.json"
PRELOADED = ("benchmarks.flops", "peft_core.training.experiment")
# (m, k, n): squares, and the products of T5-small for 32 × 128 tokens
SIZES = (
    (1024, 1024, 1024),
    (2048, 2048, 2048),
    (4096, 4096, 4096),
    (4096, 512, 512),
    (4096, 512, 2048),
    (4096, 2048, 512),
)
Precision = Literal["bfloat16", "float32"]
PRECISIONS: tuple[Precision, ...] = ("bfloat16", "float32")
BATCH, WIDTHS = 32, (128, 192)
SETTLING, SETTLING_PRODUCTS, PRODUCTS = 2, 2, 7
Run = Callable[..., Any]


class Product(Part):
    """(m, k) times (k, n). One entry a round."""

    m: int
    k: int
    n: int
    precision: Precision
    seconds: tuple[float, ...] = Field(min_length=1, description="median of the round's products")

    @property
    def flops_per_second(self) -> float:
        """Of the median round."""
        return 2 * self.m * self.k * self.n / median(self.seconds)


class Step(Part):
    """A training step of one method on one shape. One entry a round."""

    shape: str
    method: MethodField
    batch: int
    width: int
    flops: int
    seconds: tuple[float, ...] = Field(min_length=1, description="median of the round's steps")


class MachineReport(Part):
    """The content of `machine.json`."""

    format: Literal[1] = 1
    provenance: Provenance
    products: tuple[Product, ...]
    steps: tuple[Step, ...]

    def peak(self, precision: Precision) -> float:
        """FLOPs a second of the fastest size."""
        return max(p.flops_per_second for p in self.products if p.precision == precision)

    def utilisation(self, step: Step) -> list[float]:
        """Share of the peak of the steps' own precision that each round reached."""
        return [step.flops / seconds / self.peak(self.provenance.precision) for seconds in step.seconds]


def time_products(sizes: Sequence[tuple[int, int, int]]) -> list[float]:
    """Seconds of each product in each precision, in the order of `sizes` and `PRECISIONS`."""
    import torch

    from benchmarks.random_model import seconds
    from peft_core.training.device import kind, pick_device

    device = pick_device()

    def product(a: torch.Tensor, b: torch.Tensor) -> None:
        torch.nn.functional.linear(a, b)  # b as a layer keeps its weights: (n, k)
        kind(device).wait(device)

    result = []
    for m, k, n in sizes:
        for precision in PRECISIONS:
            a, b = (torch.randn(rows, k, device=device, dtype=getattr(torch, precision)) for rows in (m, n))
            clock = [seconds(lambda a=a, b=b: product(a, b)) for _ in range(SETTLING_PRODUCTS + PRODUCTS)]
            result.append(median(clock[SETTLING_PRODUCTS:]))
    return result


def time_steps(base: str, method: MethodConfig, batch: int, widths: Sequence[int], steps: int) -> list[float]:
    """Median seconds of a step at each width."""
    from benchmarks.random_model import Work, random_batch, seconds
    from peft_core.reviews.batches import Batch
    from peft_core.training.device import kind
    from peft_core.training.experiment import Experiment

    experiment = Experiment(run_config(source_of(base), method, batch, max(widths), "bundled"))
    experiment.model.train()

    def step(batch: Batch) -> None:
        experiment.trainer.take_step(batch)
        kind(experiment.device).wait(experiment.device)

    result = []
    for width in widths:
        batches = [
            random_batch(experiment.backbone.base.architecture, Work(batch, width, steps), seed)
            for seed in range(SETTLING + steps)
        ]
        clock = [seconds(lambda one=one: step(one)) for one in batches]
        result.append(median(clock[SETTLING:]))
    return result


def measure(
    run: Run, bases: Sequence[str], methods: Sequence[MethodConfig], rounds: int, steps: int
) -> tuple[list[Product], list[Step]]:
    """Products and steps in turn, `rounds` times."""
    cases = [(base, method) for base in bases for method in methods]
    products: list[list[float]] = []
    stepping: list[list[list[float]]] = []
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", flush=True)
        products.append(run(time_products, SIZES))
        stepping.append([run(time_steps, base, method, BATCH, WIDTHS, steps) for base, method in cases])
    kinds = [(size, precision) for size in SIZES for precision in PRECISIONS]
    return (
        [
            Product(m=m, k=k, n=n, precision=precision, seconds=tuple(seconds))
            for ((m, k, n), precision), seconds in zip(kinds, zip(*products, strict=True), strict=True)
        ],
        [
            Step(
                shape=base,
                method=method,
                batch=BATCH,
                width=width,
                flops=run(flops_of, base, method, BATCH, width),
                seconds=tuple(of_round[case][position] for of_round in stepping),
            )
            for case, (base, method) in enumerate(cases)
            for position, width in enumerate(WIDTHS)
        ],
    )


def flops_of(base: str, method: MethodConfig, batch: int, width: int) -> int:
    """FLOPs of a step on the base model called `base`."""
    from benchmarks.flops import step_flops
    from peft_core.t5.architecture import base_model

    return step_flops(base_model(source_of(base)).architecture, method, batch, width)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a line each, write the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.machine", description=__doc__.splitlines()[0])
    parser.add_argument("--bases", nargs="+", default=["tiny-t5", "t5-small-shape"], help="NAME-shape: random weights")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3, help="timed steps of a round at each width")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--short", action="store_true", help="LoRA alone, one round; writes no file of its own")
    parser.add_argument("--json", type=Path, help="where the results go; default: benchmarks/results/machine.json")
    options = parser.parse_args(arguments)
    os.environ |= one_process_settings(options.threads) | {"TOKENIZERS_PARALLELISM": "false"}
    names, rounds = (["lora"], 1) if options.short else (options.methods, options.rounds)
    run = partial(in_a_fresh_process, PRELOADED)
    products, steps = measure(run, options.bases, [METHODS[name] for name in names], rounds, options.steps)
    source = provenance(command_line(parser, options), options.threads)
    report = MachineReport(provenance=source, products=tuple(products), steps=tuple(steps))
    path = options.json or (None if options.short else MACHINE)
    if path:
        write_report(report, path)
    print(summary(report))


def summary(report: MachineReport) -> str:
    """Peaks in GFLOP/s; each step's seconds and the share of the peak, median and range of the rounds."""
    source = report.provenance
    lines = [f"{source.machine}, {source.threads} threads, {source.created}; steps in {source.precision}"]
    for precision in PRECISIONS:
        sizes = [p for p in report.products if p.precision == precision]
        each = ", ".join(f"{p.m}×{p.k}×{p.n} {p.flops_per_second / 1e9:.0f}" for p in sizes)
        lines.append(f"{precision}: peak {report.peak(precision) / 1e9:.0f} GFLOP/s ({each})")
    for step in report.steps:
        share = spread([100 * value for value in report.utilisation(step)])
        lines.append(
            f"{step.shape:15} {method_label(step.method):22} {step.batch} × {step.width}: "
            f"{step.flops / 1e9:.1f} GFLOP, {spread(step.seconds, 3)} s, {share}% of the peak"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
