"""What snapshots cost: the same short run with and without them, in turns in one process, and the time they take.

    python -m benchmarks.snapshots               writes benchmarks/results/snapshots.json; about ten minutes on 2 cores

A run is the preset "short" of the Train section with its validations, without loading and without the test. `ratio` is
the median over the pairs of seconds with by seconds without; on a machine where two equal runs differ by several
percent it says little by itself, so the seconds inside the camera are measured, too: `share` is the median of those by
the rest of their run.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Literal

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


class SnapshotReport(Part):
    """The content of `snapshots.json`."""

    format: Literal[1] = 1
    provenance: Provenance
    max_length: int
    rows: tuple[MethodCost, ...]


def timed(config: RunConfig, folder: Path | None) -> tuple[float, float]:
    """Seconds of one run, and those of them that went into snapshots (in `folder`; None: there are none)."""
    from peft_core.training.experiment import Experiment
    from peft_core.training.snapshots.camera import Camera

    experiment = Experiment(config)
    camera, inside = Camera(folder, experiment) if folder else None, 0.0
    for log in experiment.trainer.run():
        if camera:
            before = time.perf_counter()
            camera.see(log)
            inside += time.perf_counter() - before
    return experiment.trainer.clock.seconds, inside


def pair(config: RunConfig, with_first: bool) -> Pair:
    """Both runs, in this order or the other."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = {}
        for with_snapshots in (with_first, not with_first):
            seconds[with_snapshots] = timed(config, Path(folder) if with_snapshots else None)
        files = list(Path(folder).iterdir())
        return Pair(
            without=seconds[False][0],
            with_snapshots=seconds[True][0],
            in_camera=seconds[True][1],
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
            f"{last.moments} moments, {last.bytes / 1e6:.2f} MB, {last.without:.1f} s without",
            flush=True,
        )
    source = provenance(command_line(parser, options), torch.get_num_threads())
    report = SnapshotReport(provenance=source, max_length=preset.max_length, rows=tuple(rows))
    write_report(report, options.json)


if __name__ == "__main__":
    main()
