"""What `benchmarks.load` measures, as plain data."""

import json
from collections import defaultdict
from collections.abc import Iterable
from statistics import linear_regression
from typing import Literal, NamedTuple

from pydantic import Field

from benchmarks.app_report import percentile
from benchmarks.peer_reports import Part
from peft_core.paths import RESULTS
from peft_core.report.costs.measured import Provenance

LOAD = RESULTS / "load.json"
Kind = Literal["open", "section", "move", "verdict", "by itself"]


class Sample(NamedTuple):
    """One question to the server: from sending it until the server said that it had finished."""

    kind: Kind
    place: str  # the section of all method pages, or a page and its section
    seconds: float


class Times(Part):
    """The times of one kind at one place, in seconds."""

    kind: Kind
    place: str
    n: int = Field(ge=1)
    p50: float
    p95: float
    p99: float
    largest: float


class Memory(Part):
    """Resident memory of the server's process, in MB, at the end of each second."""

    first: float
    last: float
    largest: float
    slope: float = Field(description="MB a minute: a straight line through the second half of the time")


class Training(Part):
    """A run beside the visitors, and just before they came; training steps a second."""

    config: str = Field(description="in words")
    alone: float = Field(gt=0)
    beside: float = Field(ge=0)

    @property
    def share(self) -> float:
        return self.beside / self.alone


class Phase(Part):
    """So many visitors for so long. `times` has every place, and then, with the place "", all of a kind."""

    seconds: float
    visitors: int
    times: tuple[Times, ...] = Field(min_length=1)
    errors: tuple[str, ...] = Field(description="what went wrong, in words, one each")
    memory: Memory
    servers: int = Field(1, description="processes over the same folder of runs; memory is that of all")
    server_cores: float = Field(description="processor time of the servers' processes by the time it took")
    load_average: float = Field(description="of the last minute, at the end: this and whatever else ran")
    training: Training | None = None


class LoadReport(Part):
    """The content of `load.json`."""

    format: Literal[1] = 1
    provenance: Provenance
    cores: int
    load_before: float = Field(description="load average of one minute: other work beside this")
    think: tuple[float, float] = Field(description="seconds between an answer and the next question: from, to")
    seed: int
    alone: tuple[Times, ...] = Field(description="one visitor, who has opened every section once")
    phases: tuple[Phase, ...] = Field(min_length=1)
    raised: tuple[str, ...] | None = Field(None, description="by the servers' log, and where; None: nobody looked")


def raised_in(log: str) -> tuple[str, ...]:
    """Of a log of JSON lines: what was raised each time, and at which places in the code, the last four."""
    entries = (json.loads(line) for line in log.splitlines() if line.startswith("{"))
    return tuple(f"{one['raised']} at {' < '.join(one['at'][:-5:-1])}" for one in entries if "raised" in one)


def times(samples: Iterable[Sample]) -> tuple[Times, ...]:
    """By kind and place, slowest first, and all places of a kind together under the name ""."""
    found: dict[tuple[Kind, str], list[float]] = defaultdict(list)
    for sample in samples:
        found[sample.kind, sample.place].append(sample.seconds)
        found[sample.kind, ""].append(sample.seconds)
    rows = [
        Times(
            kind=kind,
            place=place,
            n=len(seconds),
            p50=percentile(tuple(seconds), 0.5),
            p95=percentile(tuple(seconds), 0.95),
            p99=percentile(tuple(seconds), 0.99),
            largest=max(seconds),
        )
        for (kind, place), seconds in found.items()
    ]
    return tuple(sorted(rows, key=lambda row: (row.kind, row.place == "", -row.p95)))


def memory(samples: Iterable[tuple[float, float]]) -> Memory:
    """Of (seconds, MB), two of them in the second half at least."""
    samples = list(samples)
    megabytes = [value for _, value in samples]
    late = samples[len(samples) // 2 :]
    slope, _ = linear_regression(*zip(*late, strict=True))
    return Memory(first=megabytes[0], last=megabytes[-1], largest=max(megabytes), slope=60 * slope)


def summary(report: LoadReport) -> str:
    """The report as lines."""
    lines = [f"{report.provenance.machine}, {report.cores} cores, {report.provenance.created}"]
    for phase in report.phases:
        trained = phase.training
        beside = f", a run at {trained.beside:.2f} of {trained.alone:.2f} steps/s" if trained else ""
        lines.append(
            f"{phase.visitors} visitors, {phase.seconds:.0f} s{beside}: {len(phase.errors)} errors, "
            f"{phase.servers} server(s) {phase.server_cores:.2f} cores, load {phase.load_average:.1f}, memory "
            f"{phase.memory.first:.0f} to {phase.memory.last:.0f} MB ({phase.memory.slope:+.1f} a minute)"
        )
        lines += [f"  {line(row)}" for row in phase.times] + [f"  ! {error}" for error in phase.errors[:10]]
    return "\n".join([*lines, *(f"! {one}" for one in report.raised or ())])


def line(row: Times) -> str:
    """One row, in milliseconds."""
    values = (row.p50, row.p95, row.p99, row.largest)
    return f"{row.kind:9} {row.place or 'all':38} {row.n:5}  " + " ".join(f"{1000 * value:7.0f}" for value in values)
