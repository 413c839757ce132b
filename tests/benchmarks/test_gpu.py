"""The benchmark of a GPU: it refuses where there is none, its short form runs, and says that it is a trial."""

import json
from threading import Lock

import pytest

from benchmarks.gpu import __main__ as gpu
from benchmarks.gpu import parts
from benchmarks.gpu.report import FirstStep, GpuReport, Resume, table
from peft_core.training import device as of_device

SETTINGS = ("PEFT_DEVICE", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY", "TOKENIZERS_PARALLELISM")


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Put back afterwards what the command sets."""
    for name in SETTINGS:
        monkeypatch.setenv(name, "1")


def test_without_a_gpu_it_says_so_and_writes_nothing(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(of_device.KINDS, "cuda", type("None", (of_device.Cuda,), {"number": lambda self: 0})())
    assert gpu.main(["--json", str(tmp_path / "gpu.json")]) == 2
    said = capsys.readouterr()
    assert "There is no GPU that torch can use here" in said.err and not said.out
    assert not (tmp_path / "gpu.json").exists()


def test_a_cpu_is_no_gpu(capsys):
    with pytest.raises(SystemExit) as end:
        gpu.main(["--device", "cpu"])
    assert end.value.code == 2 and "give --short" in capsys.readouterr().err


@pytest.mark.usefixtures("easy_reviews")
def test_the_short_form_runs_through_and_says_that_it_is_a_trial(monkeypatch, base_folder, tmp_path, capsys):
    """In this process, ours alone; the Trainer's side is held by test_sides.py, the click by app_speed's own test."""
    monkeypatch.setattr(gpu, "find_spec", lambda name: None)
    monkeypatch.setattr(parts, "click", lambda spare: FirstStep(worker="spare" if spare else "fresh", start=1, step=2))
    options = ["--device", "cpu", "--short", "--bases", str(base_folder), "--methods", "lora", "full"]
    one_at_a_time = Lock()  # transformers cannot load two models in two threads of one process

    def in_this_process(work, *given):
        with one_at_a_time:
            return work(*given)

    assert gpu.main([*options, "--json", str(tmp_path / "gpu.json")], in_this_process) == 0
    report = GpuReport.model_validate_json((tmp_path / "gpu.json").read_text())
    assert report.trial and report.memory_bytes is None
    assert [(r.method.method, r.side, r.steps) for r in report.rounds] == [("lora", "ours", 2), ("full", "ours", 2)]
    assert [(p.preset, p.method.method) for p in report.presets] == [
        ("minute", "lora"), ("short", "lora"), ("minute", "full"),
    ]  # fmt: skip
    assert [(r.method.method, r.repeats, r.resumes, r.difference) for r in report.resumes] == [
        ("lora", True, True, 0.0), ("full", True, True, 0.0),
    ]  # fmt: skip
    assert [step.worker for step in report.first_steps] == ["fresh", "spare"]
    assert len(report.pairs) == 1 and set(report.products) == {"float32", "bfloat16", "float16"}
    assert report.left_out == ("the Trainer: peft, accelerate is not installed (requirements-bench.txt)",)
    printed = capsys.readouterr().out
    assert "TRIED ON A CPU" in printed and "goal" not in printed
    of_a_gpu = json.loads(report.model_dump_json()) | {"trial": False}
    of_a_gpu["presets"][0] |= {"preset": "minute", "seconds": 10.5}
    said = table(GpuReport.model_validate(of_a_gpu))
    assert "TRIED" not in said and "goal 10 s for the preset of a minute: NOT reached" in said


def test_weights_that_differ_after_a_resume_are_told():
    lost = Resume(method=gpu.EVERY_METHOD["lora"], repeats=True, resumes=False, difference=0.5)
    source = {
        "command": "",
        "machine": "GPU: a card",
        "threads": 1,
        "precision": "float16",
        "created": "",
        "versions": {},
    }
    nothing = dict.fromkeys(("rounds", "shares", "presets", "first_steps", "pairs"), ())
    report = GpuReport(
        provenance=source, trial=False, memory_bytes=2**34, products={"float16": 4e13}, peak=5e13, seconds=3,
        left_out=("full: no time",), resumes=(lost,), **nothing,
    )  # fmt: skip
    said = table(report)
    assert "resumed, other weights (by 0.5 at most)" in said and "left out: full: no time" in said
    assert "GPU: a card, 16 GiB free, float16" in said


def test_what_there_is_no_time_for_is_left_out_and_named(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(gpu.time, "monotonic", lambda: now[0])
    clock = gpu.Time(100)

    def takes(seconds):
        now[0] += seconds
        return seconds

    assert clock.spend("a", "first", lambda: takes(60)) == [60]
    assert clock.spend("a", "second", lambda: takes(1)) == []  # the longest of its kind took 60
    assert clock.spend("b", "third", lambda: takes(30)) == [30]
    assert clock.spend("b", "fourth", lambda: takes(1)) == []
    assert clock.left_out == ["second: no time", "fourth: no time"]


def test_every_method_is_measured_and_lora_first():
    from peft_core.methods.registry import METHODS

    assert set(gpu.EVERY_METHOD) == set(METHODS) and next(iter(gpu.EVERY_METHOD)) == "lora"
    assert all(config.method == name for name, config in gpu.EVERY_METHOD.items())
