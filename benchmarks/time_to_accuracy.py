"""Seconds of training until the validation accuracy passes fixed levels: this project beside the Trainer with peft.

    python -m benchmarks.time_to_accuracy        writes benchmarks/results/time_to_accuracy.json

LoRA r=8, 4,000 reviews of 128 tokens, two epochs, 1,000 validation reviews, a validation every 25 steps. Every run is a
fresh process; the sides take turns, seed by seed, with the same reviews, learning rate and schedule (the sides are told
in `benchmarks/sides`). At the end the sides are compared on the same validation reviews; the unit is the seed. A
validation costs a Trainer as much as here: the function is the same, `generate()` would cost it more.
With `--add` the runs can be made in pieces: `--seeds 1 --sides trainer --add`.
"""

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.peer_reports import (
    TIME_TO_ACCURACY,
    SideRun,
    TimeReport,
    added,
    paired_difference,
    read_report,
    spread,
)
from benchmarks.processes import command_line, in_a_fresh_process, one_process_settings, provenance
from benchmarks.sides import PEERS, PRELOADED, run_side
from benchmarks.sides.settings import SIDES, settings_of
from benchmarks.training_speed import METHODS
from peft_core.config import RunConfig, TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import method_label
from peft_core.report.costs.measured import write_report
from peft_core.reviews.config import DataConfig
from peft_core.statistics.means import mean_of_runs

LEVELS = tuple(percent / 100 for percent in range(70, 96))  # told: those above the untrained model that a side reached
Run = Callable[..., Any]


def run_config(options: argparse.Namespace, seed: int) -> RunConfig:
    """The run of every side with this seed.

    Raises:
        PeftClassroomError: if the steps are no whole number of times `--every`.
    """
    train = TrainConfig(epochs=options.epochs, seed=seed)
    steps = options.train_size * options.epochs // train.batch_size
    if steps % options.every:
        raise PeftClassroomError(f"{steps} steps cannot be validated every {options.every}. Choose a divisor.")
    return RunConfig(
        base=options.base,
        method=METHODS[options.method],
        data=DataConfig(
            source=options.data,
            train_size=options.train_size,
            validation_size=options.validation_size,
            test_size=2,
            max_length=options.max_length,
        ),
        train=train.model_copy(update={"evaluations": steps // options.every}),
    )


def measure(run: Run, configs: Sequence[RunConfig], sides: Sequence[str]) -> Iterator[SideRun]:
    """One run for each seed and side, the sides in turn."""
    for config in configs:
        for side in sides:
            done = run(run_side, side, settings_of(side, config.method.method), config)
            print(line(done), flush=True)
            yield done


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a line each, write the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.time_to_accuracy", description=__doc__.splitlines()[0])
    parser.add_argument("--base", default="tiny-t5")
    parser.add_argument("--method", choices=list(METHODS), default="lora")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--train-size", type=int, default=4000)
    parser.add_argument("--validation-size", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--every", type=int, default=25, help="steps between validations")
    parser.add_argument("--max-length", type=int, default=128, help="tokens of a review that are read")
    parser.add_argument("--data", choices=("bundled", "hub"), default="bundled", help="hub: the official IMDB")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--short", action="store_true", help="480 reviews, seed 0; writes no file of its own")
    parser.add_argument("--add", action="store_true", help="keep the runs that are in the file already")
    parser.add_argument("--json", type=Path, help="where the results go; default: benchmarks/results/")
    options = parser.parse_args(arguments)
    command = command_line(parser, options)
    path = options.json or (None if options.short else TIME_TO_ACCURACY)
    if options.short:
        vars(options).update(seeds=[0], train_size=480, epochs=1, every=5, validation_size=200)
    if options.add and path is None:
        parser.error("--short writes no file of its own: give --json with --add")
    os.environ |= one_process_settings(options.threads) | {"TOKENIZERS_PARALLELISM": "false"}
    earlier = read_report(path, TimeReport) if options.add else None
    configs = [run_config(options, seed) for seed in options.seeds]
    runs = tuple(measure(partial(in_a_fresh_process, PRELOADED), configs, options.sides))
    report = TimeReport(provenance=provenance(command, options.threads, PEERS), rounds=runs)
    report = added(earlier, report) if earlier else report
    if path:
        write_report(report, path)
    print(summary(report))


def line(run: SideRun) -> str:
    """A run in words."""
    validating = sum(v.seconds for v in run.validations)
    return (
        f"{run.config.base}, {method_label(run.config.method)}, {run.side}, seed {run.config.train.seed}: "
        f"{run.validations[-1].accuracy:.1%} after {sum(run.step_seconds):.0f} s and {validating:.0f} s of validating"
    )


def summary(report: TimeReport) -> str:
    """Seconds to each level above the untrained model's, median and range of the seeds that reached it; then the last
    weights, paired."""
    source = report.provenance
    lines = [f"{source.machine}, {source.threads} threads, {source.precision}, {source.created}"]
    lines += [line(run) for run in report.rounds]
    sides = list(dict.fromkeys(run.side for run in report.rounds))
    by_side = {side: {run.config: run for run in report.rounds if run.side == side} for side in sides}
    untrained = max(run.validations[0].accuracy for run in report.rounds)
    for level in (level for level in LEVELS if level > untrained):
        for side, runs in by_side.items():
            reached = [r for run in runs.values() if (r := run.reached(level))]
            if reached:
                training, with_validation = zip(*reached, strict=True)
                lines.append(
                    f"{level:.0%} {side:14} {spread(training)} s of training, {spread(with_validation)} s with "
                    f"validations; {len(reached)} of {len(runs)} seeds"
                )
    own = by_side.get("ours", {})
    for side in sides:
        pairs = [(own[config].right, run.right) for config, run in by_side[side].items() if config in own]
        if side != "ours" and pairs:
            lines.append(f"at the end ours − {side}: {difference_by_seed(pairs)}")
    return "\n".join(lines)


def difference_by_seed(pairs: Sequence[tuple[str, str]]) -> str:
    """The mean over seeds with its t-interval: three seeds are three observations, however many reviews each answered.

    Both sides of a seed read the same reviews, so they are paired. With one seed, reviews are the only unit there is.

    Args:
        pairs: of each seed, which validation reviews the two sides have right, as in `SideRun.right`.
    """
    each = [paired_difference(*pair) for pair in pairs]
    told = f"{len(pairs[0][0]):,} validation reviews"
    if len(each) == 1:
        value, low, high = (100 * share for share in each[0])
        return f"{value:+.1f} points (95% by {told}: {low:+.1f} to {high:+.1f}), one seed: another may change that"
    mean = mean_of_runs([100 * difference for difference, _, _ in each])
    seeds = ", ".join(f"{100 * difference:+.1f}" for difference, _, _ in each)
    return (
        f"{mean.value:+.1f} points (95% by seeds, n = {mean.n}: {mean.low:+.1f} to {mean.high:+.1f}); of each seed on "
        f"{told} {seeds}"
    )


if __name__ == "__main__":
    main()
