"""How long it takes to change the customer: a small checkpoint on the base model in memory, or a whole model from disk.

    python -m benchmarks.swap                    writes benchmarks/results/swap.json; some seconds

The two take turns in one process, pair by pair, and which of a pair is first alternates: see
`peft_core/checkpoints/asking/swaps.py`, which the app calls, too.
"""

import argparse
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.processes import command_line, in_a_fresh_process, one_process_settings, provenance
from peft_core.checkpoints.listing import list_checkpoints
from peft_core.methods.registry import METHODS
from peft_core.report.costs.measured import write_report
from peft_core.report.costs.swap import SWAP, SwapReport, Times, load_swap

PRELOADED = ("peft_core.checkpoints.asking.swaps",)
ROUNDS = 60
Run = Callable[..., Any]


def time_swaps(base: str, small: Sequence[Path], whole: Path, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of each change: small ones, whole ones."""
    from peft_core.checkpoints.asking.swaps import swaps
    from peft_core.t5.backbone import load_backbone

    found = list(swaps(load_backbone(base), small, whole, rounds))
    return [swap.small for swap in found], [swap.whole for swap in found]


def measure(run: Run, base: str, rounds: int) -> Times:
    """All shipped checkpoints of a base model against the one that is a whole model."""
    shipped = [info for info in list_checkpoints() if info.shipped and info.base == base]
    small = [info for info in shipped if not METHODS[info.method].owns_weights]
    whole = next(info for info in shipped if METHODS[info.method].owns_weights)
    times = run(time_swaps, base, [info.path for info in small], whole.path, rounds)
    return Times(
        base=base, checkpoints=tuple(info.name for info in small), small=tuple(times[0]), whole=tuple(times[1])
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, write the file, print what it says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.swap", description=__doc__.splitlines()[0])
    parser.add_argument("--base", default="tiny-t5", help="base model of shipped checkpoints")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, default=SWAP, help="where the results go")
    options = parser.parse_args(arguments)
    os.environ |= one_process_settings(options.threads)
    times = measure(partial(in_a_fresh_process, PRELOADED), options.base, options.rounds)
    source = provenance(command_line(parser, options), options.threads)
    source = source.model_copy(update={"precision": "float32"})
    write_report(SwapReport(provenance=source, times=times), options.json)
    print(summary(load_swap(options.json)))


def summary(report: SwapReport) -> str:
    """Both kinds, median and range in milliseconds, and the ratio of the pairs."""
    source, found = report.provenance, report.times.ratio
    lines = [f"{source.machine}, {source.threads} threads, {source.created}; {len(report.times.small)} pairs"]
    for kind in ("small", "whole"):
        middle, low, high = (1000 * seconds for seconds in report.times.range_of(kind))
        lines.append(f"{kind:6} {middle:7.1f} ms ({low:.1f} to {high:.1f})")
    return "\n".join([*lines, f"whole / small {found.ratio:.1f} ({found.low:.1f} to {found.high:.1f})"])


if __name__ == "__main__":
    main()
