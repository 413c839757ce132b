"""The speeds that README and the pages in docs/ quote are those of the measurements in benchmarks/results."""

from statistics import median

import pytest

from benchmarks.app_memory import APP_MEMORY, TOKENS, AppMemory
from benchmarks.app_report import APP_SPEED, AppSpeedReport
from benchmarks.peer_reports import TRAINING_SPEED, SpeedReport, ratios, read_report
from benchmarks.sides.settings import SIDES
from peft_core.methods.registry import method_label
from peft_core.paths import ROOT

REPORT = read_report(TRAINING_SPEED, SpeedReport)
PAGE = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
ROWS = list(dict.fromkeys((r.shape, r.method) for r in REPORT.rounds))


def speeds_of(shape, method) -> dict[str, list[float]]:
    return {side: [r.examples_per_second for r in REPORT.rounds_of(shape, method, side)] for side in SIDES}


def row(shape, method) -> str:
    """Examples a second of every side, and how many times as fast ours is as each of the others: medians."""
    speeds = speeds_of(shape, method)
    cells = [f"{median(speeds['ours']):.0f}"]
    for side in SIDES[1:]:
        cells.append(f"{median(speeds[side]):.0f} ({median(ratios(speeds['ours'], speeds[side])):.1f}×)")
    return f"| {shape.removesuffix('-shape')}, {method_label(method)} | " + " | ".join(cells) + " |"


@pytest.mark.parametrize(("shape", "method"), ROWS, ids=[f"{s}-{m.method}" for s, m in ROWS])
def test_the_page_quotes_the_measured_speeds(shape, method):
    assert row(shape, method) in PAGE.splitlines()


def test_the_page_names_the_machine_they_were_measured_on():
    assert REPORT.provenance.machine.removeprefix("CPU: ").split(",")[0] in PAGE


def test_the_readme_quotes_the_smallest_and_the_largest_of_these_ratios():
    speeds = [speeds_of(shape, method) for shape, method in ROWS]
    times = [median(ratios(of_row["ours"], of_row[side])) for of_row in speeds for side in SIDES[1:]]
    told = f"{min(times):.1f} to {max(times):.1f} times as fast"
    assert told in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_page_on_serving_quotes_how_fast_the_app_was():
    report, text = read_report(APP_SPEED, AppSpeedReport), (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    move = next(move for move in report.moves if (move.place, move.base, move.sessions) == ("Count", "tiny-t5", 30))
    spare, fresh = (
        median(first.step for first in report.first_steps if (first.worker, first.page_cache) == (worker, "warm"))
        for worker in ("spare", "fresh")
    )
    words = " ".join(text.split())
    assert f"is answered in {1000 * median(move.seconds):.0f} ms" in words
    assert f"first page after {median(start.first_page for start in report.starts):.1f}" in words
    assert f"its first step {spare:.1f} seconds after the click, {fresh:.1f} if no worker was ready" in words


def test_the_page_on_hosts_quotes_what_the_app_held_in_memory():
    report, text = read_report(APP_MEMORY, AppMemory), (ROOT / "docs" / "hosts.md").read_text(encoding="utf-8")
    held = [*(one.bytes for one in report.server), report.spare]
    assert all(f"| {bytes / 1e6:,.0f} |" in text for bytes in held)
    short, long = ([one.bytes for one in report.training if f"{n} tokens" in one.state] for n in TOKENS)
    assert len(short) == len(long) == 4
    assert all(f"| {one / 1e6:,.0f} | {two / 1e6:,.0f} |" in text for one, two in zip(short, long, strict=True))
