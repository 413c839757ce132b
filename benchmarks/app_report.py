"""What `benchmarks.app_speed` measures, as plain data."""

from math import ceil
from statistics import median
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from peft_core.methods.registry import MethodConfig, MethodField, method_label
from peft_core.paths import RESULTS
from peft_core.report.costs.measured import Provenance

APP_SPEED = RESULTS / "app_speed.json"
Times = tuple[float, ...]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CountTime(_Part):
    """Counting by hand and by `numel()`, each round with a configuration that was never asked for before."""

    base: str
    method: MethodField
    by_hand: Times = Field(min_length=1, description="seconds")
    by_numel: Times = Field(min_length=1, description="seconds, of a build of the real model with all that is read off")
    again: Times = Field(min_length=1, description="seconds, of the same `numel()` asked once more")


class StartTime(_Part):
    """From the start of the server's process, in seconds."""

    reachable: float
    first_page: float = Field(description="the script of the first page has finished")
    torch_at_first_page: bool = Field(description="torch's library was in the server's memory by then")
    numel: float = Field(description="a page shows the first number by `numel()`")


class MoveTime(_Part):
    """A slider moves in one session while the others are idle: seconds until the script has finished, number shown."""

    place: str
    base: str
    method: MethodField = Field(description="before the first move")
    sessions: int = Field(description="connected besides, idle")
    by_hand: Times = Field(min_length=1, description="until the number by hand is sent; `numel()` may follow")
    seconds: Times = Field(min_length=1)
    cpu_seconds: float = Field(description="processor time of the server a move, garbage collection included")


class FirstStep(_Part):
    """From `submit()` to lines in metrics.jsonl, in seconds."""

    worker: Literal["fresh", "spare"]
    page_cache: Literal["warm", "cold"] = Field(
        description="cold: libraries, reviews and base model come from the disk"
    )
    start: float = Field(description="libraries, reviews and base model are in")
    validation: float = Field(description="the untrained model has been measured")
    step: float = Field(description="the first training step")


class SetupPhase(_Part):
    """One part of what a fresh worker does before it trains; a round each."""

    name: str
    seconds: Times = Field(min_length=1)


class AppSpeedReport(_Part):
    """The content of `app_speed.json`."""

    format: Literal[1] = 1
    provenance: Provenance
    counts: tuple[CountTime, ...]
    starts: tuple[StartTime, ...]
    moves: tuple[MoveTime, ...]
    setup: tuple[SetupPhase, ...]
    first_steps: tuple[FirstStep, ...]


def percentile(times: Times, share: float) -> float:
    """The smallest of `times` that a share of them of at least `share` does not exceed; a time that was measured."""
    return sorted(times)[max(1, ceil(share * len(times))) - 1]


def in_words(times: Times) -> str:
    """Median, 95th percentile and largest, in milliseconds."""
    values = (median(times), percentile(times, 0.95), max(times))
    return "median {:.1f} ms, p95 {:.1f}, largest {:.1f}".format(*(1000 * value for value in values))


def name(method: MethodConfig) -> str:
    """A method with the modules it wraps, where it does: what the time depends on."""
    modules = getattr(method, "target_modules", ())
    return f"{method_label(method)}{', ' if modules else ''}{' '.join(modules)}"


def summary(report: AppSpeedReport) -> str:
    """The report as lines."""
    lines = [f"{report.provenance.machine}, {report.provenance.created}"]
    for row in report.counts:
        numel = f"numel() {in_words(row.by_numel)}; again {in_words(row.again)}"
        lines.append(f"count {row.base} {name(row.method)}: by hand {in_words(row.by_hand)}; {numel}")
    for start in report.starts:
        torch = "torch was in" if start.torch_at_first_page else "before torch"
        first = f"reachable {start.reachable:.2f} s, first page {start.first_page:.2f} s ({torch})"
        lines.append(f"start: {first}, numel() on screen {start.numel:.1f} s")
    for move in report.moves:
        where = f"{move.place} {move.base}, {move.sessions} idle sessions"
        rest = f"by hand {1000 * median(move.by_hand):.1f} ms; processor {1000 * move.cpu_seconds:.0f} ms"
        lines.append(f"move: {where}: {in_words(move.seconds)}; {rest}")
    lines += [f"setup of a worker: {phase.name} {median(phase.seconds):.2f} s" for phase in report.setup]
    for step in report.first_steps:
        parts = f"set up {step.start:.2f}, measured {step.validation:.2f}"
        lines.append(f"first step, {step.worker} worker, {step.page_cache} page cache: {step.step:.2f} s ({parts})")
    return "\n".join(lines)
