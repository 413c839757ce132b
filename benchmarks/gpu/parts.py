"""The parts of `benchmarks.gpu`; each is called in a process of its own, on the device that `PEFT_DEVICE` names."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.gpu.report import FirstStep, Pair, PresetRun, Resume
from benchmarks.peer_reports import SpeedRound
from benchmarks.sides import run_side
from peft_core.checkpoints.run_json import read_record
from peft_core.config import PRESETS, RunConfig, TrainConfig
from peft_core.methods.method import MethodConfig
from peft_core.reviews.config import DataConfig
from peft_core.training.experiment import STATE, run_experiment

SIDES = (1024, 2048, 4096, 8192)  # of the square products whose fastest is the peak
SETTLING, PRODUCTS = 3, 10


def machine(sides: tuple[int, ...] = SIDES) -> tuple[int | None, dict[str, float], float]:
    """(free bytes, FLOPs a second by precision as the choice is made by, those of the fastest product)."""
    import torch

    from peft_core.training.device import compute_dtype, kind, pick_device, precision_name, speeds

    device = pick_device()
    here, dtype, fastest = kind(device), compute_dtype(device), 0.0
    for side in sides:
        matrix = torch.ones(side, side, device=device, dtype=dtype)
        clock = []
        for _ in range(SETTLING + PRODUCTS):
            started = perf_counter()
            torch.mm(matrix, matrix)
            here.wait(device)
            clock.append(perf_counter() - started)
        fastest = max(fastest, 2 * side**3 / median(clock[SETTLING:]))
    products = {precision_name(each): speed for each, speed in speeds(device).items()}
    return here.free_bytes(device), products, max(fastest, products[precision_name(dtype)])


def preset_run(base: str, name: str, method: MethodConfig, reviews: int | None = None) -> PresetRun:
    """A preset of the classroom, to its checkpoint. `reviews`: fewer than it has, to try."""
    preset = PRESETS[name]
    sizes = {} if reviews is None else {"validation_size": 20, "test_size": 20}
    train_size = reviews or preset.train_size(method.method)
    config = RunConfig(
        base=base,
        method=method,
        data=DataConfig(train_size=train_size, max_length=preset.max_length, **sizes),
        train=TrainConfig(epochs=preset.epochs, max_seconds=preset.max_seconds),
    )
    with tempfile.TemporaryDirectory() as folder:
        started = perf_counter()
        for _ in run_experiment(config, folder):
            pass
        seconds = perf_counter() - started
        record = read_record(Path(folder) / "checkpoint")
    return PresetRun(
        preset=name,
        method=method,
        seconds=seconds,
        training_seconds=record.seconds,
        test_accuracy=record.test.accuracy,
        precision=record.precision,
        peak_bytes=record.peak_bytes,
    )


def click(spare: bool) -> FirstStep:
    """The first step after the click: the real backend, a worker's process of its own."""
    from benchmarks.app_speed import first_step

    with tempfile.TemporaryDirectory() as folder:
        came = first_step(Path(folder), spare)
    return FirstStep(worker=came.worker, start=came.start, step=came.step)


def resume(config: RunConfig) -> Resume:
    """The run in one go, again, and stopped after a third of its steps and gone on with."""
    import torch
    from safetensors.torch import load_file

    def weights(folder: Path, stop_at: float = float("inf")) -> dict[str, torch.Tensor] | None:
        stopped: list[int] = []
        for log in run_experiment(config, folder, lambda: bool(stopped)):
            if log.event == "step" and log.step >= stop_at * log.full_steps:
                stopped.append(log.step)
        if (folder / STATE).exists():
            return None
        return load_file(next((folder / "checkpoint").glob("*.safetensors")))

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole, again = weights(folder / "whole"), weights(folder / "again")
        if weights(folder / "stopped", 1 / 3) is not None:
            raise RuntimeError("The run could not be stopped before its end: it has too few steps.")
        resumed = weights(folder / "stopped")
    return Resume(
        method=config.method,
        repeats=all(torch.equal(whole[key], again[key]) for key in whole),
        resumes=all(torch.equal(whole[key], resumed[key]) for key in whole),
        difference=max((whole[key].float() - resumed[key].float()).abs().max().item() for key in whole),
    )


def pair(run, config: RunConfig) -> Pair:
    """One run alone, then two at the same time, each in a process of its own (`run`)."""
    alone = SpeedRound.of(run(run_side, "ours", None, config)).examples_per_second
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(run, run_side, "ours", None, config) for _ in range(2)]
        together = tuple(SpeedRound.of(each.result()).examples_per_second for each in both)
    return Pair(method=config.method, alone=alone, together=together)
