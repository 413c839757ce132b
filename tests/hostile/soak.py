"""Ten thousand cases: drawn by hypothesis in lots, each with a seed of its own, so that a soak can stop and go on."""

import argparse
import json
import logging
import os
import platform
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from peft_core.paths import ROOT
from peft_core.report.reproduction.worker import peak_bytes

LOT = 250
Case = TypeVar("Case")


@dataclass
class Told:
    """How it went so far. `outcomes`: cases by outcome; `failed`: what was not as it has to be, a few words each."""

    cases: int = 0
    lots: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    slowest_cpu_seconds: float = 0.0
    slowest: str = ""
    most_memory_grown_mb: int = 0
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0


class Log(logging.Handler):
    """Keeps what is logged with a traceback, or as an error: nothing may."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.kept: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        words = record.getMessage()
        if record.exc_info or record.levelno >= logging.ERROR or "Traceback" in words:
            self.kept.append(f"{record.name}: {words[:300]} {record.exc_info[1]!r:.300}" if record.exc_info else words)


@contextmanager
def listened(*names: str):
    """What these loggers (and the root) say of errors while the block runs."""
    log, loggers = Log(), [logging.getLogger(), *map(logging.getLogger, names)]
    for logger in loggers:
        logger.addHandler(log)
    try:
        yield log
    finally:
        for logger in loggers:
            logger.removeHandler(log)


def peak_mb() -> int:
    """The most memory that this process ever had, in MB."""
    return peak_bytes() // 2**20


def try_each(
    cases: SearchStrategy[Case], judge: Callable[[Case], str], number: int, lot: int, told: Told, of: Case | None = None
) -> None:
    """Draw `number` cases by the seed `lot`, and add to `told` what `judge` says of each.

    `judge` gives the outcome in a word or two, and raises whatever is wrong. What fails is told and not made smaller:
    the others are tried as well.
    """
    before, seen = peak_mb(), set()

    @seed(lot)
    @settings(
        max_examples=number, database=None, deadline=None, phases=[Phase.generate], print_blob=False,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(cases)
    def each(case: Case) -> None:
        begun = time.process_time()
        try:
            outcome = judge(case)
        except Exception as error:
            outcome = "failed"
            where = traceback.extract_tb(error.__traceback__)[-1]
            told.failed.append(
                f"{str(case)[:600]}: {type(error).__name__}: {str(error)[:500]} "
                f"({Path(where.filename).name}:{where.lineno})"
            )
        seen.add(hash(str(case)))
        spent = time.process_time() - begun
        told.cases += 1
        told.outcomes[outcome] += 1
        if spent > told.slowest_cpu_seconds:
            told.slowest_cpu_seconds, told.slowest = round(spent, 2), str(case)[:300]

    each()
    told.counts["different within their lot"] += len(seen)
    told.most_memory_grown_mb = max(told.most_memory_grown_mb, peak_mb() - before)


def main(
    name: str, cases: SearchStrategy[Case], judging: Callable[[Told], Any], arguments: list[str] | None = None
) -> int:
    """The command of one soak. Progress lies in `.cache/soak`: a soak that was stopped goes on after its last lot,
    one that came to its end begins anew.

    Args:
        judging: a context manager that gives `judge`, for as long as it is open; it may count in what it is given.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="where the counts go")
    parser.add_argument("--again", action="store_true", help="from the beginning, whatever was done before")
    options = parser.parse_args(arguments)
    kept = ROOT / ".cache" / "soak" / f"{name}-{options.seed}.json"
    told = Told()
    if kept.is_file() and not options.again:
        before = json.loads(kept.read_text())
        told = Told(**before | {key: Counter(before[key]) for key in ("outcomes", "counts")})
    if told.cases < options.cases:
        _go_on(cases, judging, told, options, kept)
    result = {key: value for key, value in vars(told).items() if key != "lots"} | {
        "outcomes": dict(sorted(told.outcomes.items())), "counts": dict(sorted(told.counts.items())),
        "cpu_seconds": round(told.cpu_seconds), "wall_seconds": round(told.wall_seconds), "seed": options.seed,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }  # fmt: skip
    print(json.dumps(result, indent=1, ensure_ascii=False))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    kept.unlink(missing_ok=True)  # the next soak begins anew
    return 1 if told.failed else 0


def _go_on(
    cases: SearchStrategy[Case], judging: Callable[[Told], Any], told: Told, options: argparse.Namespace, kept: Path
) -> None:
    """Lot after lot until there are as many as wanted; what is told so far is kept after each."""
    with judging(told) as judge:
        at_first = peak_mb()
        while told.cases < options.cases:
            wall, cpu = time.monotonic(), time.process_time()
            number = min(LOT, options.cases - told.cases)
            try_each(cases, judge, number, 1_000_000 * options.seed + told.lots, told)
            told.lots += 1
            told.wall_seconds += time.monotonic() - wall
            told.cpu_seconds += time.process_time() - cpu
            told.most_memory_grown_mb = max(told.most_memory_grown_mb, peak_mb() - at_first)
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(vars(told)))
            print(f"{told.cases} of {options.cases}, {len(told.failed)} failed, {told.wall_seconds:.0f} s", flush=True)
