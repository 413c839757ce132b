"""Measuring costs: exact where tensors are counted, plausible where memory is read."""

import os
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import cost, memory
from benchmarks.processes import in_a_fresh_process
from peft_core.counting.by_hand import count
from peft_core.errors import PeftClassroomError
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import method_of
from peft_core.paths import ROOT
from peft_core.report.costs.measured import load_cost
from peft_core.t5.architecture import BaseModel
from tests.cases import CASES, TINY

linux = pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
BASE = BaseModel("tiny", TINY, "", True, "")
METHODS = {name: config for name, config in CASES.items() if name != "soft_prompt-text"}  # it needs a tokenizer


def here(function, *arguments):
    """Instead of a process of its own: tests want speed, not clean memory."""
    return function(*arguments)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(cost, "BATCH", 4)
    monkeypatch.setattr(cost, "WIDTH", 16)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY"):  # put back afterwards
        monkeypatch.setenv(name, "1" if "THREADS" in name else "PASSIVE")


@linux
@pytest.mark.parametrize("config", METHODS.values(), ids=METHODS.keys())
def test_every_byte_of_weights_gradients_and_optimizer_is_accounted_for(small, config):
    (row,) = cost.measure_training(here, BASE, [config], rounds=2, steps=2)
    counted = count(TINY, config)
    assert (row.trainable_parameters, row.total_parameters) == (
        counted.trainable_parameters,
        counted.total_parameters,
    )
    assert row.gradient_bytes == 4 * counted.trainable_parameters  # fp32
    means = 8 * counted.trainable_parameters  # AdamW's two; and a step counter for each tensor
    assert 0 < row.optimizer_bytes - means < 4 * 200
    in_bf16 = counted.total_parameters - (0 if isinstance(config, FullConfig) else counted.trainable_parameters)
    assert row.weight_bytes in (4 * counted.total_parameters, 4 * counted.trainable_parameters + 2 * in_bf16)
    assert row.file_bytes > (2 if isinstance(config, FullConfig) else 4) * counted.trainable_parameters
    assert len(row.peak_bytes) == len(row.step_seconds) == 2
    assert row.peak == pytest.approx(row.weight_bytes + row.gradient_bytes + row.optimizer_bytes + row.rest)


MEMORY = """
import numpy as np
from benchmarks import memory

memory.give_back_at_once()
memory.reset_highest()
before = memory.highest_bytes()
block = np.ones(64_000_000, dtype=np.uint8)
print(memory.highest_bytes() - before)
del block
memory.reset_highest()
print(memory.highest_bytes() - before)
"""


@linux
def test_the_highest_memory_is_seen_and_can_be_set_back():
    """In a fresh process: what another test has allocated and freed, the C library may use again."""
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, cwd=ROOT, check=True)
    with_block, without = map(int, done.stdout.split())
    assert with_block > 0.8 * 64_000_000
    assert without < 0.5 * 64_000_000


def test_another_system_is_told_so(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "STATUS", tmp_path / "none")
    monkeypatch.setattr(memory, "CLEAR", tmp_path / "none" / "clear")
    for ask in (memory.resident_bytes, memory.reset_highest):
        with pytest.raises(PeftClassroomError, match="Linux"):
            ask()


@linux
def test_the_command_writes_a_report_that_says_how_to_repeat_it(small, monkeypatch, base_folder, tmp_path, capsys):
    monkeypatch.setattr(cost, "in_a_fresh_process", lambda preload, *work: here(*work))
    path = tmp_path / "cost.json"
    options = ["--shapes", str(base_folder), "--methods", "full", "lora-1", "--rounds", "1", "--steps", "2"]
    cost.main([*options, "--threads", "1", "--json", str(path)])
    report = load_cost(path)
    assert [row.method for row in report.training] == [FullConfig(), LoraConfig(r=1)]
    assert report.train(str(base_folder), LoraConfig(r=1)) == report.training[1]
    assert report.train(str(base_folder), LoraConfig(r=2)) is None
    assert "--methods full lora-1 --rounds 1 --steps 2" in report.provenance.command
    assert str(tmp_path) not in report.provenance.command.replace(str(base_folder), "")
    assert "LoRA r=1" in capsys.readouterr().out


def test_a_measuring_process_is_a_fresh_one():
    seen = {in_a_fresh_process((), os.getpid) for _ in range(2)}
    assert len(seen) == 2
    assert os.getpid() not in seen


def test_step_zero_compares_every_method_with_the_base_model(backbone):
    from benchmarks.step_zero import compare
    from peft_core.reviews.batches import encode
    from peft_core.training.measuring import Rows

    texts = ["the film was good", "a dull plot", "never sad", "it was bad but funny"]
    rows = Rows(lambda: encode(backbone.tokenizer, texts, "", 16), np.array([1, 0, 1, 0]), "", 16)
    accuracy, measured = compare(backbone, rows, seed=0)
    for row in measured:
        if not method_of(row.method).starts_as_base(row.method):
            assert row.largest_change >= row.mean_change > 0
        else:
            assert (row.largest_change, row.changed_verdicts, row.accuracy) == (0, 0, accuracy)


def test_the_narrower_adapters_start_the_nearer_they_are_to_the_base_model(backbone):
    from benchmarks.step_zero import adapter_widths
    from peft_core.reviews.batches import encode
    from peft_core.training.measuring import Rows

    texts = ["the film was good", "a dull plot", "never sad", "it was bad but funny"]
    rows = Rows(lambda: encode(backbone.tokenizer, texts, "", 16), np.array([1, 0, 1, 0]), "", 16)
    found = adapter_widths(backbone, rows, (0.01, 0.1, 1.0), (0, 1))
    means = np.array([width.mean_changes for width in found])
    assert means.shape == (3, 2)
    assert (np.diff(means, axis=0) > 0).all() and (means > 0).all()
    # two matrices, one behind the other: ten times the σ, a hundred times the detour
    assert means[1] / means[0] == pytest.approx([100, 100], rel=0.2)
