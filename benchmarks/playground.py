"""What an answer costs: one review for ten checkpoints, many reviews for one, and ten checkpoints in memory.

    python -m benchmarks.playground           writes benchmarks/results/playground.json; three minutes on 2 cores
    python -m benchmarks.playground --short   one round, fewer repetitions: about 40 seconds

Every round is a fresh process; within it this project and the other ways to ask (how it asked before, peft's
`generate`) take turns, A B C, A B C, … All sides have the same threads and settings, and compute in fp32; one of many
reviews is the way a split is measured, in the precision of training (bf16 where the hardware has it).
"""

import argparse
import os
import tempfile
from collections.abc import Sequence
from functools import partial
from importlib import metadata
from pathlib import Path

from benchmarks.playground_report import PLAYGROUND, Memory, PlaygroundReport, Timing, write
from benchmarks.processes import command_line, in_a_fresh_process, one_process_settings, provenance

PRELOADED = ("benchmarks.playground_round",)
SPIN = {"GOMP_SPINCOUNT": "3000"}  # as the app sets it


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a line each, write the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.playground", description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", nargs="+", type=int, default=[192, 40], help="lengths of the one review")
    parser.add_argument("--reviews", type=int, default=64, help="how many, for one checkpoint")
    parser.add_argument("--repetitions", type=int, default=10, help="of one review; a fifth as many of the many")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--short", action="store_true", help="one round of few repetitions")
    parser.add_argument("--json", type=Path, default=PLAYGROUND, help="where the results go")
    options = parser.parse_args(arguments)
    if options.short:
        options.rounds, options.repetitions, options.reviews = 1, 5, 32
    os.environ |= one_process_settings(options.threads) | SPIN
    run = partial(in_a_fresh_process, PRELOADED)
    from benchmarks.playground_round import memory_round, saved_for_memory, timing_round

    rounds = []
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}", flush=True)
        rounds.append(run(timing_round, options.tokens, options.reviews, options.repetitions))
    with tempfile.TemporaryDirectory() as folder:
        saved = run(saved_for_memory, Path(folder) / "ten")
        memory = [run(memory_round, saved) for _ in range(options.rounds)]
    source = provenance(command_line(parser, options), options.threads)
    report = PlaygroundReport(
        provenance=source.model_copy(update={"precision": "float32"}),
        peft=metadata.version("peft"),
        base="tiny-t5",
        latency=merged([latency for latency, _ in rounds]),
        throughput=merged([throughput for _, throughput in rounds]),
        memory=_merged_memory(memory),
    )
    write(report, options.json)
    print(summary(report))


def merged(rounds: Sequence[Sequence[Timing]]) -> tuple[Timing, ...]:
    """Timings of several rounds, row by row."""
    return tuple(
        same[0].model_copy(
            update={
                "seconds": tuple(row.seconds[0] for row in same),
                "fastest": tuple(row.fastest[0] for row in same),
            }
        )
        for same in zip(*rounds, strict=True)
    )


def _merged_memory(rounds: Sequence[Memory]) -> Memory:
    return rounds[0].model_copy(update={"growth_bytes": tuple(row.growth_bytes[0] for row in rounds)})


def summary(report: PlaygroundReport) -> str:
    """The report as lines; ratios are against the first side of the same question."""
    lines = [f"{report.provenance.machine}, {report.provenance.threads} threads, {report.provenance.created}"]
    first = None
    for row in (*report.latency, *report.throughput):
        if row.side == "together":
            first = row
            lines.append(f"{row.reviews} × {row.tokens:.0f} tokens, {row.checkpoints}:")
        spread = f"{1000 * min(row.seconds):.1f}–{1000 * max(row.seconds):.1f}"
        rate = "" if row.reviews == 1 else f", {row.reviews / row.time:.0f} reviews/s"
        lines.append(
            f"    {row.side:48} {1000 * row.time:8.1f} ms ({spread}; fastest {1000 * min(row.fastest):.1f}){rate}, "
            f"{row.time / first.time:.2f}×, {row.same_verdicts:.0%} same verdicts"
        )
    m = report.memory
    lines.append(
        f"{m.checkpoints} checkpoints: backbone {m.backbone_bytes:,} + own {m.own_bytes:,} = {m.tensor_bytes:,} bytes "
        f"of tensors; the process grew by {', '.join(f'{g:,}' for g in m.growth_bytes)}; {m.ratio:.3f}× backbone + own"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
