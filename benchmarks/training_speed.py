"""How fast training is: this project beside Hugging Face's Seq2SeqTrainer with peft, on the same reviews.

    python -m benchmarks.training_speed             writes benchmarks/results/training_speed.json
    python -m benchmarks.training_speed --tuning    what each of the Trainer's settings gains: trainer_tuning.json
    python -m benchmarks.training_speed --bases t5-small --data hub --reviews 3200 --max-length 256

The last is T5-small on IMDB for a computer with a GPU, which every side uses where there is one. The settings of
`trainer_tuned` are those of a CPU: there, measure `--tuning` first and give the fastest variant to `--sides`.
Every round of every side is a fresh process, and the sides take turns (A B C D, A B C D, …). Counted is the time from
the first batch to the last step, the building of kernels included; loading, tokenising and validating are not.
`trainer` is set up as the libraries' examples do it, `trainer_bf16` with what guides to fast training name, and
`trainer_tuned` with the fastest settings that `--tuning` found. With `--add` a long measurement can be made in pieces.
"""

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.peer_reports import (
    TRAINER_TUNING,
    TRAINING_SPEED,
    SpeedReport,
    SpeedRound,
    added,
    ratios,
    read_report,
    spread,
)
from benchmarks.processes import command_line, in_a_fresh_process, one_process_settings, provenance
from benchmarks.sides import PEERS, PRELOADED, run_side
from benchmarks.sides.settings import SIDES, VARIANTS, settings_of
from peft_core.config import RunConfig, TrainConfig
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import MethodConfig, method_label
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.report.costs.measured import write_report
from peft_core.reviews.config import DataConfig

METHODS: dict[str, MethodConfig] = {
    "lora": LoraConfig(r=8),
    "adapter": AdapterConfig(bottleneck_dim=8),
    "soft_prompt": SoftPromptConfig(num_virtual_tokens=10),
    "full": FullConfig(),
}
REVIEWS = {"tiny-t5": 640, "t5-small-shape": 320}  # a step of T5-small costs four times
SHORT_REVIEWS = {"tiny-t5": 96, "t5-small-shape": 64}
SHORT_METHODS = {"t5-small-shape": ("lora",)}  # on other bases all
WITHOUT_VALIDATION = 2  # reviews; the least there can be, off the clock, and the same on every side
Run = Callable[..., Any]


def run_config(base: str, method: MethodConfig, reviews: int, max_length: int, source: str) -> RunConfig:
    """One epoch of training."""
    return RunConfig(
        base=base,
        method=method,
        data=DataConfig(
            source=source, train_size=reviews, validation_size=WITHOUT_VALIDATION, test_size=2, max_length=max_length
        ),
        train=TrainConfig(epochs=1, evaluations=1),
    )


def measure(run: Run, configs: Sequence[RunConfig], sides: Sequence[str], rounds: int) -> Iterator[SpeedRound]:
    """Each configuration `rounds` times, the sides in turn."""
    for config in configs:
        for _ in range(rounds):
            for side in sides:
                done = SpeedRound.of(run(run_side, side, settings_of(side, config.method.method), config))
                print(
                    f"{config.base}, {method_label(config.method)}, {side}: {done.examples_per_second:.1f}", flush=True
                )
                yield done


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a line each, write the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training_speed", description=__doc__.splitlines()[0])
    parser.add_argument("--bases", nargs="+", default=list(REVIEWS), help="base models; NAME-shape: random weights")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), help="default: all")
    parser.add_argument("--sides", nargs="+", choices=[*SIDES, *VARIANTS], default=list(SIDES))
    parser.add_argument("--tuning", action="store_true", help="every variant of the Trainer's settings as a side")
    parser.add_argument("--reviews", type=int, help="default: 640, of T5-small's shape 320")
    parser.add_argument("--max-length", type=int, default=128, help="tokens of a review that are read")
    parser.add_argument("--data", choices=("bundled", "hub"), default="bundled", help="hub: the official IMDB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--short", action="store_true", help="every side once on a few reviews; writes no file of its own"
    )
    parser.add_argument("--add", action="store_true", help="keep the rounds that are in the file already")
    parser.add_argument("--json", type=Path, help="where the results go; default: benchmarks/results/")
    options = parser.parse_args(arguments)
    path = options.json or (None if options.short else TRAINER_TUNING if options.tuning else TRAINING_SPEED)
    if options.add and path is None:
        parser.error("--short writes no file of its own: give --json with --add")
    os.environ |= one_process_settings(options.threads) | {"TOKENIZERS_PARALLELISM": "false"}
    earlier = read_report(path, SpeedReport) if options.add else None
    sides = list(VARIANTS) if options.tuning else options.sides
    run, times = partial(in_a_fresh_process, PRELOADED), 1 if options.short else options.rounds
    rounds = tuple(measure(run, configurations(options), sides, times))
    report = SpeedReport(provenance=provenance(command_line(parser, options), options.threads, PEERS), rounds=rounds)
    report = added(earlier, report) if earlier else report
    if path:
        write_report(report, path)
    print(summary(report))


def configurations(options: argparse.Namespace) -> list[RunConfig]:
    """What is to be trained."""
    reviews = SHORT_REVIEWS if options.short else REVIEWS
    few = SHORT_METHODS if options.short else {}
    return [
        run_config(
            base,
            METHODS[name],
            options.reviews or reviews.get(base, reviews["tiny-t5"]),
            options.max_length,
            options.data,
        )
        for base in options.bases
        for name in options.methods or few.get(base, METHODS)
    ]


def summary(report: SpeedReport) -> str:
    """Examples a second, median and range of the rounds; how much faster this project is, median and range of the
    rounds' ratios."""
    source = report.provenance
    lines = [f"{source.machine}, {source.threads} threads, {source.precision}, {source.created}; examples a second"]
    for shape, method, side in dict.fromkeys((r.shape, r.method, r.side) for r in report.rounds):
        rounds = report.rounds_of(shape, method, side)
        own = [r.examples_per_second for r in report.rounds_of(shape, method, "ours")]
        whole = [r.examples_per_second for r in rounds]
        settled = [speed for r in rounds if (speed := r.settled_examples_per_second)]
        line = f"{shape:15} {method_label(method):22} {side:18} {spread(whole)}"
        line += f"; after the first steps {spread(settled)}" if settled else ""
        line += f"; ours is {spread(ratios(own, whole), 2)} times as fast" if own and side != "ours" else ""
        line += f"; modules of {rounds[0].method_of}" if side != "ours" else ""
        lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    main()
