"""How costs grow: with the rank, the bottleneck, the prompt, the length, the batch, the checkpoints, the reviews.

    python -m benchmarks.growth                 writes benchmarks/results/growth.json; about 13 minutes on 2 cores
    python -m benchmarks.growth --only rank     one sweep, put into that file in the place of the old one
    python -m benchmarks.growth --short         fewer and smaller points, printed only; less than a minute

Every sweep turns one number; the rest stays at one default setting: tiny-t5, batches of 32 × 192 tokens, LoRA r=8,
adapter m=8 (Pfeiffer), soft prompt n=10. Training steps are measured as in `benchmarks.cost`: each point of each round
in a fresh process, methods and points in turn. A method's own number has full fine-tuning beside it. Answers are
measured with the shipped checkpoints, on test reviews, a fresh process a method and round.
"""

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from benchmarks.cost import BATCH, METHODS, ONE_OF_EACH, Run
from benchmarks.processes import command_line, in_a_fresh_process, one_process_settings, provenance
from peft_core.checkpoints.listing import CheckpointInfo, list_checkpoints
from peft_core.errors import PeftClassroomError
from peft_core.methods.registry import MethodConfig, method_label
from peft_core.report.costs.growth import (
    GROWTH,
    KNOBS,
    TRAINING_SWEEPS,
    TURNED,
    GrowthReport,
    ServingCost,
    ServingSweep,
    ServingSweepName,
    SweepName,
    TrainingSweep,
    load_growth,
)
from peft_core.report.costs.measured import Provenance, TrainingCost, write_report
from peft_core.t5.architecture import BaseModel, base_model

BASE = "tiny-t5"
DEFAULT: dict[str, MethodConfig] = {METHODS[name].method: METHODS[name] for name in ONE_OF_EACH}
PRELOADED = ("benchmarks.training_round", "benchmarks.serving_round")


@dataclass(frozen=True)
class Plan:
    """Which points, and the setting around them."""

    points: dict[SweepName, tuple[int, ...]]
    methods: tuple[str, ...]
    batch: int
    width: int
    rounds: int


LONG = Plan(
    points={
        "rank": (1, 4, 8, 16, 64, 256),
        "bottleneck": (1, 4, 8, 16, 64, 256),
        "tokens": (1, 5, 10, 20, 50, 100),
        "length": (32, 64, 128, 160, 192, 256, 320),
        "batch": (4, 8, 16, 32, 64),
        "checkpoints": (1, 2, 4, 8, 16),
        "reviews": (1, 10, 100, 1000),
    },
    methods=("full", "soft_prompt", "adapter", "lora"),
    batch=BATCH,
    width=192,
    rounds=2,
)
SHORT = Plan(
    points={
        "rank": (1, 256), "bottleneck": (1, 256), "tokens": (1, 100), "length": (32, 128), "batch": (4, 16),
        "checkpoints": (1, 4), "reviews": (1, 20),
    },
    methods=("full", "lora"),
    batch=8,
    width=64,
    rounds=1,
)  # fmt: skip


def steps(plan: Plan, name: SweepName) -> list[tuple[MethodConfig, int, int]]:
    """(method, batch, width) of every point of a training sweep; a method's own number has full fine-tuning first."""
    if name in KNOBS:
        method = KNOBS[name]
        turned = [DEFAULT[method.name].model_copy(update={method.knob.field: value}) for value in plan.points[name]]
        return [(method, plan.batch, plan.width) for method in (DEFAULT["full"], *turned)]
    methods = [DEFAULT[method] for method in plan.methods]
    if name == "length":
        return [(method, plan.batch, width) for width in plan.points[name] for method in methods]
    return [(method, batch, plan.width) for batch in plan.points[name] for method in methods]


def measure_training(run: Run, base: BaseModel, plan: Plan, name: SweepName) -> Iterator[TrainingCost]:
    """One row a point, from `plan.rounds` processes each."""
    from benchmarks.random_model import Work
    from benchmarks.training_round import TrainingRound, training_round

    points = steps(plan, name)
    done: list[list[TrainingRound]] = []
    for number in range(plan.rounds):
        print(f"{name}: round {number + 1} of {plan.rounds}, {len(points)} processes", flush=True)
        done.append([run(training_round, base.architecture, m, Work(batch, width, 1)) for m, batch, width in points])
    for (method, batch, width), of_rounds in zip(points, zip(*done, strict=True), strict=True):
        exact = asdict(of_rounds[0])
        del exact["peak_bytes"], exact["step_seconds"]
        yield TrainingCost(
            shape=base.name,
            method=method,
            batch=batch,
            width=width,
            peak_bytes=tuple(r.peak_bytes for r in of_rounds),
            step_seconds=tuple(r.step_seconds for r in of_rounds),
            **exact,
        )


def measure_serving(
    run: Run, base: BaseModel, plan: Plan, name: ServingSweepName, infos: Sequence[CheckpointInfo], texts: Sequence[str]
) -> Iterator[ServingCost]:
    """One row a point and checkpoint of `infos`, from `plan.rounds` processes a checkpoint."""
    from benchmarks.serving_round import ServingRound, serving_round

    values = plan.points[name]
    if name == "checkpoints":
        points = [(value, spread(texts, 1)) for value in values]
    else:
        points = [(1, spread(texts, value)) for value in values]
    done: list[list[list[ServingRound]]] = []
    for number in range(plan.rounds):
        print(f"{name}: round {number + 1} of {plan.rounds}, {len(infos)} processes", flush=True)
        done.append([run(serving_round, base.name, info.path, points) for info in infos])
    for place, _ in enumerate(values):
        for number, info in enumerate(infos):
            rounds = [of_round[number][place] for of_round in done]
            yield ServingCost(
                base=base.name,
                method=info.record.config.method,
                checkpoints=rounds[0].checkpoints,
                reviews=rounds[0].reviews,
                tensor_bytes=rounds[0].tensor_bytes,
                resident_bytes=tuple(r.resident_bytes for r in rounds),
                seconds=tuple(r.seconds for r in rounds),
            )


def spread(texts: Sequence[str], number: int) -> list[str]:
    """`number` of the texts, evenly spread over their lengths, the shortest first: one is of median length."""
    ordered = sorted(texts, key=len)
    return [ordered[(2 * place + 1) * len(ordered) // (2 * number)] for place in range(number)]


def shipped(base: str, methods: Sequence[str]) -> list[CheckpointInfo]:
    """The shipped checkpoint of each method in its default setting.

    Raises:
        PeftClassroomError: if one is missing.
    """
    found = {info.record.config.method: info for info in list_checkpoints() if info.shipped and info.base == base}
    missing = [method_label(DEFAULT[method]) for method in methods if DEFAULT[method] not in found]
    if missing:
        raise PeftClassroomError(f"No shipped checkpoint of {base}: {', '.join(missing)}. Restore checkpoints/.")
    return [found[DEFAULT[method]] for method in methods]


def measure(run: Run, base: BaseModel, plan: Plan, name: SweepName, source: Provenance) -> TrainingSweep | ServingSweep:
    """One sweep."""
    if name in TRAINING_SWEEPS:
        return TrainingSweep(provenance=source, rows=tuple(measure_training(run, base, plan, name)))
    from peft_core.reviews.splits import load_splits

    source = source.model_copy(update={"precision": "float32"})  # the predictor's, whatever a training step takes
    infos, texts = shipped(base.name, plan.methods), load_splits()["test"]["text"][:]
    rows = measure_serving(run, base, plan, name, infos, texts)
    return ServingSweep(provenance=source, rows=tuple(rows))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a line each; write each sweep into the file when it is done."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(LONG.points), help="which sweeps; the file keeps the others")
    parser.add_argument("--short", action="store_true", help="fewer and smaller points; writes only where --json says")
    parser.add_argument("--rounds", type=int, help=f"default {LONG.rounds}, short {SHORT.rounds}")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, help=f"where the results go (default: {GROWTH.name} of the project)")
    options = parser.parse_args(arguments)
    plan = SHORT if options.short else LONG
    if options.rounds:
        plan = Plan(plan.points, plan.methods, plan.batch, plan.width, options.rounds)
    path = options.json or (None if options.short else GROWTH)
    report = load_growth(path) if path and path.exists() else GrowthReport()
    os.environ |= one_process_settings(options.threads)
    run, base = partial(in_a_fresh_process, PRELOADED), base_model(BASE)
    for name in options.only or plan.points:
        sweep = measure(run, base, plan, name, provenance(command_line(parser, options), options.threads))
        report = report.with_sweep(name, sweep)
        if path:
            write_report(report, path)
        print(summary(name, sweep), flush=True)


def summary(name: SweepName, sweep: TrainingSweep | ServingSweep) -> str:
    """The sweep as lines: megabytes are 10⁶ bytes."""
    lines = [f"{sweep.provenance.machine}, {sweep.provenance.threads} threads, {sweep.provenance.precision}"]
    for row in sweep.rows:
        label, value = method_label(row.method), TURNED[name](row)
        at = f"{name} {'' if value is None else value:5} {label:22}"
        if isinstance(row, TrainingCost):
            lines.append(f"{at} peak {row.peak / 1e6:7,.1f} MB, {_range(row.step, row.step_seconds)} s a step")
        else:
            memory = f"resident {row.resident / 1e6:7,.1f} MB, tensors {row.tensor_bytes / 1e6:7,.1f} MB"
            lines.append(f"{at} {memory}, {_range(row.time, row.seconds)} s")
    return "\n".join(lines)


def _range(middle: float, rounds: Sequence[float]) -> str:
    return f"{middle:.3f} ({min(rounds):.3f} to {max(rounds):.3f})"


if __name__ == "__main__":
    main()
