"""What a GPU is good for here: speed beside peft and the Trainer, memory, presets, first step, exactness of resume.

    python -m benchmarks.gpu                     writes benchmarks/results/gpu.json; under eight minutes

Without a GPU it says so and ends with code 2. No network: tiny-t5 is bundled, T5-small's shape has random weights. What
there is no time for is left out, and named. Every measurement is a fresh process; the sides take turns. The Trainer is
measured where accelerate and peft are (`requirements-bench.txt`): as shipped, and with what gains most on a GPU.

`--device cpu --short` tries the benchmark itself, on a CPU; its file says that it is a trial.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.gpu.report import GPU, GpuReport, Share, table
from benchmarks.peer_reports import SpeedRound
from benchmarks.processes import command_line, in_a_fresh_process, one_process_settings, provenance
from benchmarks.sides import PEERS, run_side
from benchmarks.sides import PRELOADED as PRELOADED_SIDES
from benchmarks.sides.settings import VARIANTS
from benchmarks.training_speed import METHODS as WITH_PEERS
from benchmarks.training_speed import run_config
from peft_core.config import RunConfig
from peft_core.methods.method import MethodConfig
from peft_core.methods.registry import METHODS
from peft_core.report.costs.measured import write_report

PRELOADED = ("benchmarks.gpu.parts", *PRELOADED_SIDES)
PEER_SIDES = {"trainer": "shipped", "trainer_tuned": "one_label_token_sdpa"}  # side → variant of its settings
EVERY_METHOD: dict[str, MethodConfig] = {  # those with a peer first, and LoRA before all
    name: WITH_PEERS.get(name) or next(iter(METHODS[name].examples.values())) for name in (*WITH_PEERS, *METHODS)
}
BASES = ("tiny-t5", "t5-small-shape")
BATCH, WIDTH, REVIEWS, SHORT_REVIEWS = 32, 128, 2048, 64
STEPS, SHORT_STEPS = 10, 1
MINUTES = 7.5
NO_GPU = (
    "There is no GPU that torch can use here, and this benchmark measures one. Run it where there is one: "
    "`python -m benchmarks.gpu`. (`--device cpu --short` tries the benchmark itself and measures nothing.)"
)
Run = Callable[..., Any]


class Time:
    """How much there is, and what has been left out for want of it.

    A piece is begun if there is time for the longest of its kind so far.
    """

    def __init__(self, seconds: float) -> None:
        self.started, self.seconds = time.monotonic(), seconds
        self.longest: dict[str, float] = {}
        self.left_out: list[str] = []

    @property
    def passed(self) -> float:
        return time.monotonic() - self.started

    def spend(self, kind: str, what: str, work: Callable[[], Any]) -> list[Any]:
        """[what the work comes to], or nothing where there is no time for it."""
        if self.passed + self.longest.get(kind, 0.0) > self.seconds:
            self.left_out.append(f"{what}: no time")
            return []
        print(f"{self.passed:5.0f} s  {what}", flush=True)
        before = self.passed
        done = work()
        self.longest[kind] = max(self.longest.get(kind, 0.0), self.passed - before)
        return [done]


def measure(run: Run, options: argparse.Namespace) -> GpuReport:
    """Everything, the most important first."""
    from benchmarks.gpu import parts
    from benchmarks.machine import flops_of, time_steps

    clock, short = Time(60 * options.minutes), options.short
    reviews, few = (SHORT_REVIEWS, SHORT_REVIEWS) if short else (REVIEWS, None)
    sides = {"ours": None}
    if lacking := [name for name in PEERS if find_spec(name) is None]:
        clock.left_out.append(f"the Trainer: {', '.join(lacking)} is not installed (requirements-bench.txt)")
    else:
        sides |= {side: VARIANTS[variant] for side, variant in PEER_SIDES.items()}
    free, products, peak = run(parts.machine, *([(256,)] if short else []))
    lora = EVERY_METHOD["lora"]
    rounds: list[SpeedRound] = []
    shares: list[Share] = []

    def side_by_side(base: str, name: str) -> None:
        config = run_config(base, EVERY_METHOD[name], reviews, WIDTH, "bundled")
        for side, settings in sides.items() if name in WITH_PEERS else [("ours", None)]:
            found = clock.spend(base, f"{base}, {name}, {side}", partial(run, run_side, side, settings, config))
            rounds.extend(map(SpeedRound.of, found))

    def share(base: str, name: str) -> None:
        if lacking:  # peft says how many FLOPs a step of its methods takes
            return
        method, steps = EVERY_METHOD[name], SHORT_STEPS if short else STEPS
        for (seconds,) in clock.spend(
            "share", f"{base}, {name}, steps", partial(run, time_steps, base, method, BATCH, (WIDTH,), steps)
        ):
            flops = run(flops_of, base, method, BATCH, WIDTH)
            shares.append(Share(shape=base, method=method, batch=BATCH, width=WIDTH, flops=flops, seconds=seconds))

    for base in options.bases:
        side_by_side(base, "lora")
    presets = clock.spend(
        "minute", "preset minute, lora", partial(run, parts.preset_run, options.bases[0], "minute", lora, few)
    )
    first = clock.spend("click", "first step, fresh worker", partial(parts.click, False))
    resumes = clock.spend("resume", "resume, lora", partial(run, parts.resume, resumed(options.bases[0], lora, short)))
    for base in options.bases:
        share(base, "lora")
    presets += clock.spend(
        "minute", "preset short, lora", partial(run, parts.preset_run, options.bases[0], "short", lora, few)
    )
    first += clock.spend("click", "first step, spare worker", partial(parts.click, True))
    for base in options.bases:
        for name in options.methods:
            if name != "lora":
                side_by_side(base, name)
                if name in WITH_PEERS:
                    share(base, name)
    if "full" in options.methods:
        full = EVERY_METHOD["full"]
        presets += clock.spend(
            "minute", "preset minute, full", partial(run, parts.preset_run, options.bases[0], "minute", full, few)
        )
        resumes += clock.spend(
            "resume", "resume, full", partial(run, parts.resume, resumed(options.bases[0], full, short))
        )
    two = run_config(options.bases[-1], lora, reviews, WIDTH, "bundled")
    pairs = clock.spend("pair", "two runs at once", partial(parts.pair, run, two))
    threads = os.cpu_count() or 1
    return GpuReport(
        provenance=run(provenance, options.command, threads, [] if lacking else PEERS),
        trial=short or options.device == "cpu",
        memory_bytes=free,
        products=products,
        peak=peak,
        rounds=tuple(rounds),
        shares=tuple(shares),
        presets=tuple(presets),
        first_steps=tuple(first),
        resumes=tuple(resumes),
        pairs=tuple(pairs),
        left_out=tuple(clock.left_out),
        seconds=clock.passed,
    )


def resumed(base: str, method: MethodConfig, short: bool) -> RunConfig:
    """The run that is stopped and gone on with."""
    config = run_config(base, method, 96 if short else 640, 64 if short else WIDTH, "bundled")
    data = config.data.model_copy(update={"validation_size": 20, "test_size": 20})
    train = config.train.model_copy(update={"backbone_dropout": 0.1, "evaluations": 2})
    return config.model_copy(update={"data": data, "train": train})


def gpu_is_here() -> bool:
    """Whether torch finds a device of the kind that is measured."""
    from peft_core.errors import PeftClassroomError
    from peft_core.training.device import kind, pick_device

    try:
        return kind(pick_device()).reading_waits
    except PeftClassroomError:
        return False


def main(arguments: Sequence[str] | None = None, run: Run | None = None) -> int:
    """Measure, write the file, print the table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, mps; cpu: with --short alone, to try")
    parser.add_argument("--bases", nargs="+", default=list(BASES), help="base models; NAME-shape: random weights")
    parser.add_argument("--methods", nargs="+", choices=list(EVERY_METHOD), default=list(EVERY_METHOD))
    parser.add_argument("--minutes", type=float, default=MINUTES, help="what there is no time for is left out")
    parser.add_argument("--short", action="store_true", help="a few reviews of each, to try; writes no file of its own")
    parser.add_argument("--json", type=Path, help="where the results go; default: benchmarks/results/gpu.json")
    options = parser.parse_args(arguments)
    if options.device == "cpu" and not options.short:
        parser.error("--device cpu tries the benchmark: give --short, too")
    os.environ["PEFT_DEVICE"] = options.device
    os.environ |= one_process_settings(os.cpu_count() or 1) | {"TOKENIZERS_PARALLELISM": "false"}
    if options.device != "cpu" and not gpu_is_here():
        print(NO_GPU, file=sys.stderr)
        return 2
    path = options.json or (None if options.short else GPU)
    options.command = command_line(parser, options)
    report = measure(run or partial(in_a_fresh_process, PRELOADED), options)
    if path:
        write_report(report, path)
    print(table(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
