"""The recorded change of customer: which checkpoints, and that the file says what was timed."""

import pytest

from benchmarks import swap
from peft_core.checkpoints.listing import list_checkpoints
from peft_core.report.costs.swap import load_swap


def test_every_shipped_small_checkpoint_is_timed_against_the_whole_model(tmp_path, monkeypatch, capsys):
    asked = []

    def instead(preload, function, *given):
        asked.append(given)
        return [0.01, 0.02, 0.03, 0.04] * 5, [0.1] * 20

    monkeypatch.setattr(swap, "in_a_fresh_process", instead)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY"):  # put back afterwards
        monkeypatch.setenv(name, "1" if "THREADS" in name else "PASSIVE")
    swap.main(["--rounds", "20", "--json", str(tmp_path / "swap.json")])
    base, small, whole, rounds = asked[0]
    shipped = {info.name: info for info in list_checkpoints() if info.shipped}
    assert {path.name for path in small} == set(shipped) - {"full"}
    assert (base, whole.name, rounds) == ("tiny-t5", "full", 20)
    report = load_swap(tmp_path / "swap.json")
    assert report.times.checkpoints == tuple(path.name for path in small)
    assert report.provenance.command == "python -m benchmarks.swap --rounds 20"
    assert report.times.range_of("small") == pytest.approx((0.025, 0.01, 0.04))
    assert "25.0 ms (10.0 to 40.0)" in capsys.readouterr().out
