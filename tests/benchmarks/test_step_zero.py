"""Only what is missing is measured again, and only while it is the same base model."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import step_zero
from peft_core.report.costs.measured import StepZeroRow, load_step_zero, write_report


@pytest.mark.parametrize("same", [True, False], ids=["the same base model", "another"])
def test_what_the_file_has_is_kept(monkeypatch, tmp_path, same):
    report = load_step_zero()
    asked = []

    def compare(backbone, rows, seed, methods):
        asked.extend(methods)
        return 0.5, [
            StepZeroRow(method=m, accuracy=0.5, changed_verdicts=7, largest_change=0.1, mean_change=0.1)
            for m in methods
        ]

    backbone = SimpleNamespace(
        base=SimpleNamespace(name="tiny-t5"), fingerprint=report.base_fingerprint if same else "0" * 64
    )
    monkeypatch.setattr(step_zero, "load_backbone", lambda name: backbone)
    monkeypatch.setattr(step_zero, "load_rows", lambda *_: SimpleNamespace(labels=np.zeros(report.n)))
    monkeypatch.setattr(step_zero, "compare", compare)
    monkeypatch.setattr(step_zero, "adapter_widths", lambda *_: [])
    path, missing = tmp_path / "step_zero.json", step_zero.METHODS[1]
    write_report(report.model_copy(update={"rows": tuple(r for r in report.rows if r.method != missing)}), path)
    step_zero.main(["--missing", "--json", str(path)])
    there = {row.method for row in report.rows} - {missing}
    assert asked == [m for m in step_zero.METHODS if not (same and m in there)]
    found = load_step_zero(path)
    assert [row.method for row in found.rows] == list(step_zero.METHODS)
    kept = next(row for row in report.rows if row.method == step_zero.METHODS[2])
    assert (found.row(step_zero.METHODS[2]) == kept) == same
