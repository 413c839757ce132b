"""How long a prediction takes beside the base model's: LoRA merged and not, an adapter, a soft prompt.

    python -m benchmarks.latency                 writes benchmarks/results/latency.json; eight minutes on 2 quiet cores

The answer is a ratio, measured in pairs: in each of many rounds every form is timed once, see `latency_round.py`. One
of the forms is the base model again, in tensors of its own: its ratio shows what this measurement cannot tell apart.
"""

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.processes import command_line, in_a_fresh_process, one_process_settings, provenance
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.method import MethodConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.report.costs.latency import AGAIN, BASE, LATENCY, Latency, LatencyReport, load_latency
from peft_core.report.costs.measured import write_report
from peft_core.t5.architecture import BaseModel, base_model

FORMS: dict[str, MethodConfig | None] = {
    BASE: None,
    AGAIN: None,
    "lora_merged": LoraConfig(r=8),
    "lora": LoraConfig(r=8),
    "adapter": AdapterConfig(bottleneck_dim=8),
    "soft_prompt": SoftPromptConfig(num_virtual_tokens=10),
}
SHAPES = ("tiny-t5", "t5-small")
WIDTH = 64  # tokens: a few sentences
BUILDS = 4
ROUNDS = {1: 40, 32: 10}  # reviews in a batch → rounds for each of the builds
PRELOADED = ("benchmarks.latency_round",)
Run = Callable[..., Any]


def measure(run: Run, base: BaseModel, rounds: dict[int, int], builds: int) -> Iterator[Latency]:
    """One row a form and batch; all forms of a batch in one process."""
    from benchmarks.latency_round import latency_round
    from benchmarks.random_model import Work

    for batch, number in rounds.items():
        print(f"{base.name}: {builds * number} rounds with {batch} reviews", flush=True)
        measured = run(latency_round, base.architecture, FORMS, Work(batch, WIDTH, number), builds)
        for form, (multiplications, seconds) in measured.items():
            yield Latency(
                shape=base.name,
                form=form,
                method=FORMS[form],
                batch=batch,
                width=WIDTH,
                multiplications=multiplications,
                seconds=seconds,
            )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a line each, write the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), help="base models; weights are random")
    parser.add_argument("--builds", type=int, default=BUILDS, help="how many times the models are built")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, default=LATENCY, help="where the results go")
    options = parser.parse_args(arguments)
    os.environ |= one_process_settings(options.threads)
    run = partial(in_a_fresh_process, PRELOADED)
    rows = [row for base in map(base_model, options.shapes) for row in measure(run, base, ROUNDS, options.builds)]
    source = provenance(command_line(parser, options), options.threads)
    write_report(
        LatencyReport(provenance=source.model_copy(update={"precision": "float32"}), rows=tuple(rows)), options.json
    )
    print(summary(load_latency(options.json)))


def summary(report: LatencyReport) -> str:
    """The report as lines: what each form takes beside the base model."""
    lines = [f"{report.provenance.machine}, {report.provenance.threads} threads, {report.provenance.created}"]
    for row in report.rows:
        found, middle = report.against_base(row), sorted(row.seconds)[len(row.seconds) // 2]
        lines.append(
            f"{row.shape:9} {row.batch:3} × {row.width}  {row.form:12} {1000 * middle:8.2f} ms  "
            f"{found.ratio:.3f} ({found.low:.3f} to {found.high:.3f}) {found.verdict:8} "
            f"{report.more(row):+.2%} multiplications"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
