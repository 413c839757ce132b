"""What snapshots cost: the same short run with and without them, in turns in one process, and the time they take.

    python -m benchmarks.snapshots               writes benchmarks/results/snapshots.json; about ten minutes on 2 cores

A run is the preset "short" of the Train section with its validations, without loading and without the test. `ratio` is
the median over the pairs of seconds with by seconds without; on a machine where two equal runs differ by several
percent it says little by itself, so what happens inside the camera is measured, too: `share` is the median of its
seconds by the rest of its run, `cpu_share` the same of processor time, which other processes do not add to.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Literal, NamedTuple

from pydantic import Field

from benchmarks.peer_reports import Part
from benchmarks.processes import command_line, provenance
from peft_core.config import PRESETS, RunConfig, TrainConfig
from peft_core.methods.registry import MethodConfig, MethodField, method_config, method_label
from peft_core.paths import RESULTS
from peft_core.report.costs.measured import Provenance, write_report
from peft_core.reviews.config import DataConfig

SNAPSHOTS = RESULTS / "snapshots.json"
METHODS: dict[str, MethodConfig] = {
    "lora": method_config("lora", r=8),
    "lora-128": method_config("lora", r=128, alpha=256),
    "soft_prompt": method_config("soft_prompt", num_virtual_tokens=10),
    "full": method_config("full"),
}


class Pair(Part):
    """One run without snapshots and one with, one after the other."""

    without: float
    with_snapshots: float
    in_camera: float = Field(description="seconds of the run with snapshots that went into them")
    cpu: float = Field(description="seconds of all cores in the run with snapshots")
    cpu_in_camera: float = Field(description="of these, those that went into them")
    moments: int
    bytes: int = Field(description="of all files at the end")
    first: Literal["with", "without"]


class MethodCost(Part):
    """All pairs of one method."""

    method: MethodField
    reviews: int
    pairs: tuple[Pair, ...] = Field(min_length=1)

    @property
    def ratio(self) -> float:
        """Seconds with by seconds without, the median."""
        return median(pair.with_snapshots / pair.without for pair in self.pairs)

    @property
    def share(self) -> float:
        """Seconds in the camera by the other seconds of the same run, the median."""
        return median(pair.in_camera / (pair.with_snapshots - pair.in_camera) for pair in self.pairs)

    @property
    def cpu_share(self) -> float:
        """The same of processor time."""
        return median(pair.cpu_in_camera / (pair.cpu - pair.cpu_in_camera) for pair in self.pairs)


class SnapshotReport(Part):
    """The content of `snapshots.json`."""

    format: Literal[1] = 1
    provenance: Provenance
    max_length: int
    rows: tuple[MethodCost, ...]


class Timed(NamedTuple):
    """Seconds of one run, by the clock and of all cores; and those of them that went into snapshots."""

    seconds: float
    cpu: float
    in_camera: float
    cpu_in_camera: float


def timed(config: RunConfig, folder: Path | None) -> Timed:
    """One run, with snapshots in `folder`; None: without."""
    from peft_core.training.experiment import Experiment
    from peft_core.training.snapshots.camera import Camera

    experiment = Experiment(config)
    camera, inside, cpu_inside = Camera(folder, experiment) if folder else None, 0.0, 0.0
    begun = time.process_time()
    for log in experiment.trainer.run():
        if camera:
            before, cpu = time.perf_counter(), time.process_time()
            camera.see(log)
            inside, cpu_inside = inside + time.perf_counter() - before, cpu_inside + time.process_time() - cpu
    return Timed(experiment.trainer.clock.seconds, time.process_time() - begun, inside, cpu_inside)


def pair(config: RunConfig, with_first: bool) -> Pair:
    """Both runs, in this order or the other."""
    with tempfile.TemporaryDirectory() as folder:
        runs = {}
        for with_snapshots in (with_first, not with_first):
            runs[with_snapshots] = timed(config, Path(folder) if with_snapshots else None)
        files = list(Path(folder).iterdir())
        return Pair(
            without=runs[False].seconds,
            with_snapshots=runs[True].seconds,
            in_camera=runs[True].in_camera,
            cpu=runs[True].cpu,
            cpu_in_camera=runs[True].cpu_in_camera,
            moments=len(files),
            bytes=sum(file.stat().st_size for file in files),
            first="with" if with_first else "without",
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a line each, write the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.snapshots", description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--json", type=Path, default=SNAPSHOTS, help="where the results go")
    options = parser.parse_args(arguments)
    import torch

    preset = PRESETS["short"]
    rows = []
    for method in (METHODS[name] for name in options.methods):
        data = DataConfig(train_size=preset.train_size(method.method), max_length=preset.max_length)
        config = RunConfig(method=method, data=data, train=TrainConfig(epochs=preset.epochs))
        pairs = tuple(pair(config, number % 2 == 1) for number in range(options.pairs))
        rows.append(MethodCost(method=method, reviews=data.train_size, pairs=pairs))
        last = pairs[-1]
        print(
            f"{method_label(method)}: {rows[-1].ratio - 1:+.1%} by pairs, {rows[-1].share:.2%} in the camera, "
            f"{rows[-1].cpu_share:.2%} of processor time, "
            f"{last.moments} moments, {last.bytes / 1e6:.2f} MB, {last.without:.1f} s without",
            flush=True,
        )
    source = provenance(command_line(parser, options), torch.get_num_threads())
    report = SnapshotReport(provenance=source, max_length=preset.max_length, rows=tuple(rows))
    write_report(report, options.json)


if __name__ == "__main__":
    main()
