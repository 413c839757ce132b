"""Which matrices should LoRA stand beside, if every choice may train about as many numbers?

    python -m benchmarks.lora_targets            writes benchmarks/results/lora-targets.json; a minute a run

Every choice gets the rank that brings its trained numbers nearest to those of q and v at r = 8; α/r is 2 everywhere,
and the learning rate is the same. A run that the file has is not made again: stopped, it goes on.
"""

import argparse
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import torch

from benchmarks.peer_reports import as_digits
from benchmarks.processes import command_line, provenance
from peft_core.checkpoints.stored_answers import stored_test
from peft_core.config import RunConfig, TrainConfig
from peft_core.counting.by_hand import count
from peft_core.methods.lora.method import TARGET_MODULES, LoraConfig
from peft_core.report.costs.measured import write_report
from peft_core.report.experiments.lora_targets import LORA_TARGETS, TargetsReport, TargetsRun
from peft_core.reviews.config import DataConfig
from peft_core.reviews.draws import SHARED_SEED
from peft_core.reviews.splits import load_splits
from peft_core.t5.architecture import Architecture
from peft_core.t5.backbone import Backbone, load_backbone
from peft_core.training.device import compute_dtype, pick_device
from peft_core.training.experiment import Experiment
from peft_core.training.measuring import MeasuredSplit, load_rows
from peft_core.validated import read_json

ONE_OR_TWO = (("q", "v"), ("q", "k"), ("q",), ("v",))
MORE = (("q", "k", "v", "o"), TARGET_MODULES)
SCALING, REFERENCE = 2.0, LoraConfig(r=8, alpha=16.0, target_modules=("q", "v"))


def of_equal_budget(architecture: Architecture, targets: Sequence[str]) -> LoraConfig:
    """LoRA beside `targets` with the rank whose number of trained parameters is nearest to the reference's."""

    def beside(r: int) -> LoraConfig:
        return LoraConfig(r=r, alpha=SCALING * r, target_modules=tuple(targets))

    budget = count(architecture, REFERENCE).trainable_parameters
    per_rank = count(architecture, beside(1)).trainable_parameters
    return beside(max(1, round(budget / per_rank)))


def configs(architecture: Architecture, options: argparse.Namespace) -> Iterator[RunConfig]:
    """The runs, one seed after another, first of one or two matrices: the question that most people ask."""
    data = DataConfig(train_size=options.train_size, validation_size=2, max_length=options.max_length)
    for choices in (ONE_OR_TWO, MORE):
        for seed, targets in product(options.seeds, choices):
            train = TrainConfig(epochs=1, evaluations=1, seed=seed)
            method = of_equal_budget(architecture, targets)
            yield RunConfig(base=options.base, method=method, data=data, train=train)


def measure(config: RunConfig) -> TargetsRun:
    """Train once, and ask every test review. The last weights are asked: nothing is chosen on validation reviews."""
    experiment = Experiment(config)
    for log in experiment.trainer.run():
        if log.event == "step" and log.step == log.total_steps:
            break
    record = experiment.record()
    positive, truth = stored_test(record, load_splits(config.data.source))
    return TargetsRun(
        config=config,
        trainable_parameters=record.trainable_parameters,
        seconds=record.seconds,
        right=as_digits((positive > 0.5) == truth),
    )


def untrained(backbone: Backbone, data: DataConfig) -> float:
    """What the base model has right of the same reviews, in the same precision."""
    device = pick_device()
    split = MeasuredSplit(load_rows(backbone, data, "test", data.test_size, SHARED_SEED), backbone, device)
    model = backbone.own_copy().to(device, compute_dtype(device))
    return split.accuracy(model).accuracy


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the runs that are missing, print a line each, write the file after each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lora_targets", description=__doc__.splitlines()[0])
    parser.add_argument("--base", default="tiny-t5")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--train-size", type=int, default=2000)
    parser.add_argument("--max-length", type=int, default=96, help="tokens of a review that are read")
    parser.add_argument("--json", type=Path, default=LORA_TARGETS, help="where the results go")
    options = parser.parse_args(arguments)
    backbone = load_backbone(options.base)
    report = TargetsReport(
        provenance=provenance(command_line(parser, options), torch.get_num_threads()),
        base_fingerprint=backbone.fingerprint,
    )
    if options.json.is_file():
        report = read_json(options.json, TargetsReport, "Remove the file.")
    wanted = list(configs(backbone.base.architecture, options))
    if report.untrained is None:
        report = report.model_copy(update={"untrained": untrained(backbone, wanted[0].data)})
        write_report(report, options.json)
    print(f"untrained: {report.untrained:.2%}", flush=True)
    for config in wanted:
        run = next((run for run in report.runs if run.config == config), None)
        if run is None:
            run = measure(config)
            report = report.model_copy(update={"runs": (*report.runs, run)})
            write_report(report, options.json)
        print(
            f"{', '.join(run.targets)} r={config.method.r} seed {config.train.seed}: {run.accuracy:.2%}, "
            f"{run.trainable_parameters:,} trained numbers, {run.seconds:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
