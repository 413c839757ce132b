"""The speeds that README quotes are those of the measurements in benchmarks/results."""

from statistics import median

import pytest

from benchmarks.peer_reports import TRAINING_SPEED, SpeedReport, ratios, read_report
from benchmarks.sides.settings import SIDES
from peft_core.methods.registry import method_label
from peft_core.paths import ROOT

REPORT = read_report(TRAINING_SPEED, SpeedReport)
ROWS = list(dict.fromkeys((r.shape, r.method) for r in REPORT.rounds))


def row(shape, method) -> str:
    """Examples a second of every side, and how many times as fast ours is as each of the others: medians."""
    speeds = {side: [r.examples_per_second for r in REPORT.rounds_of(shape, method, side)] for side in SIDES}
    cells = [f"{median(speeds['ours']):.0f}"]
    for side in SIDES[1:]:
        cells.append(f"{median(speeds[side]):.0f} ({median(ratios(speeds['ours'], speeds[side])):.1f}×)")
    return f"| {shape.removesuffix('-shape')}, {method_label(method)} | " + " | ".join(cells) + " |"


@pytest.mark.parametrize(("shape", "method"), ROWS, ids=[f"{s}-{m.method}" for s, m in ROWS])
def test_the_readme_quotes_the_measured_speeds(shape, method):
    assert row(shape, method) in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()


def test_the_readme_names_the_machine_they_were_measured_on():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert REPORT.provenance.machine.removeprefix("CPU: ").split(",")[0] in text
