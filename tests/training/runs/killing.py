"""Real training runs that are killed, one process each, at moments that a seed draws; and what must hold afterwards.

Importing torch takes longer than such a run, so one process imports it and forks the workers. `python -m
tests.training.runs.killing --kills 100` is the long form (`make soak`).
"""

import argparse
import json
import os
import platform
import random
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from peft_core.checkpoints.run_json import read_run
from peft_core.config import RunConfig, TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.lora.method import LoraConfig
from peft_core.paths import ROOT
from peft_core.training.runs import LocalBackend, RunFolder, RunStore, local, new_spec
from tests.cases import make_base
from tests.own import brought

GOES_WELL, MADE_WORSE = 0.05, 1.0  # learning rates; the last weights of the second are kept beside its first
BY_THE_CLOCK = ("alive", ".status.json", "status.json")  # when these are written, the clock decides
OF_TIME = ("seconds", "remaining", "examples_per_second")  # what no two runs have alike


# ---------------------------------------------------------------------------------------------------------------------
# In the process that forks


def serve(arguments: list[str]) -> None:
    """Read one order a line, fork a worker for it, say how it ended."""
    import torch

    from peft_core.training import experiment  # noqa: F401
    from peft_core.training.runs import worker

    torch.set_num_threads(1)
    worker.check_limits = lambda *_: None  # the tests' base model is none of the catalogue
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(_fork(**json.loads(line))), flush=True)


def _fork(run_dir: str, after: float | None = None, at: int | None = None) -> dict[str, Any]:
    """One worker, killed after so many seconds, or before it touches a file for the `at`-th time; or not at all."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _work(Path(run_dir), at, writing)
    os.close(writing)
    if after is not None:
        time.sleep(after)
        os.kill(pid, signal.SIGKILL)
    with open(reading, encoding="utf-8") as pipe:
        touched = [tuple(json.loads(line)) for line in pipe.read().splitlines()]
    _, ended = os.waitpid(pid, 0)
    return {"code": os.waitstatus_to_exitcode(ended), "touched": touched}


def _work(run_dir: Path, at: int | None, pipe: int) -> None:
    from peft_core.training.experiment import run_experiment
    from peft_core.training.runs import worker

    seen = 0

    def touches(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event not in ("open", "os.rename", "os.remove", "os.mkdir", "os.chmod", "os.rmdir"):
            return
        path = os.fspath(arguments[0]) if isinstance(arguments[0], str | os.PathLike) else ""
        if not path.startswith(str(run_dir)) or Path(path).name.startswith(BY_THE_CLOCK):
            return
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1
        os.write(
            pipe, f"{json.dumps((event, Path(str(arguments[1] if event == 'os.rename' else path)).name))}\n".encode()
        )

    log = os.open(run_dir / "log.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.addaudithook(touches)
    os._exit(worker.run_worker(run_dir, partial(run_experiment, snapshots=True)))


# ---------------------------------------------------------------------------------------------------------------------
# In the process that tests


@dataclass(frozen=True)
class Left:
    """What a run has come to that went to its end: a run that was killed must come to the same."""

    weights: dict[str, bytes]
    curve: list[dict[str, Any]]
    files: frozenset[str]
    validations: tuple
    test: Any
    probabilities: tuple


def left(run_dir: Path) -> Left:
    """Everything of a finished run but its times and the pictures of moments between two validations."""
    record = read_run(run_dir / "checkpoint")
    rows = [row for row in RunFolder(run_dir).metrics() if row["event"] != "start"]
    names = {str(path.relative_to(run_dir)) for path in run_dir.rglob("*") if path.is_file()}
    return Left(
        weights={f.parent.name: f.read_bytes() for f in run_dir.glob("checkpoint*/*.safetensors")},
        curve=[{key: value for key, value in row.items() if key not in OF_TIME} for row in rows],
        files=frozenset(name for name in names if not name.startswith("snapshots/0")),
        validations=record.validations,
        test=record.test,
        probabilities=record.test_probabilities,
    )


class Killer:
    """Runs over `base` in the folder `root`, and over one beside it; `orders` go to the process that forks."""

    def __init__(self, root: Path, base: Path, process: subprocess.Popen) -> None:
        self.backend = LocalBackend(RunStore(root), max_running=0, max_queued_per_owner=10**6, max_queued=10**6)
        unlucky = make_base(root.parent / "unlucky", seed=1)  # it answers better than after any step
        self.bases, self.process = {GOES_WELL: base, MADE_WORSE: unlucky}, process
        self.states: Counter[str] = Counter()
        self.ordered = self.killed = self.half = 0
        self._whole: dict[float, tuple[Left, list[tuple[str, str]], float]] = {}

    def order(self, run_dir: Path, **how: Any) -> dict[str, Any]:
        self.process.stdin.write(json.dumps({"run_dir": str(run_dir), **how}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def new(self, rate: float) -> Path:
        texts = brought()
        train = TrainConfig(
            epochs=3, batch_size=8, learning_rate=rate, evaluations=3, max_seconds=900, backbone_dropout=0.1
        )
        config = RunConfig(
            base=str(self.bases[rate]),
            method=LoraConfig(r=2),
            data=texts.texts.data(texts.labels, texts.labels, 16),
            train=train,
        )
        spec = new_spec(config, "ann")
        return self.backend.store.create(spec, texts.texts).path

    def whole(self, rate: float) -> tuple[Left, list[tuple[str, str]], float]:
        """(What a run that nobody kills comes to, the files that it touches in their order, its seconds)."""
        if rate not in self._whole:
            run_dir, begun = self.new(rate), time.monotonic()
            done = self.order(run_dir)
            assert done["code"] == 0, RunFolder(run_dir).log_tail()
            self._whole[rate] = left(run_dir), [tuple(each) for each in done["touched"]], time.monotonic() - begun
        return self._whole[rate]

    def kill(self, rate: float, **how: Any) -> None:
        """One run, killed so, then resumed until it has succeeded; everything that must hold is asserted."""
        wanted, _, _ = self.whole(rate)
        store, run_dir = self.backend.store, self.new(rate)
        self.ordered += 1
        self.killed += self.order(run_dir, **how)["code"] == -signal.SIGKILL
        self.check_listed(run_dir, wanted)
        self.backend.reconcile()
        status = store.read(run_dir.name).status
        assert status.finished or status.queued, status.state
        assert (run_dir / "checkpoint").exists() == (status.state == "succeeded")
        self.states[status.state] += 1
        if status.state != "succeeded":
            if not status.queued:
                self.backend.resume(run_dir.name)
            done = self.order(run_dir)
            assert done["code"] == 0, RunFolder(run_dir).log_tail()
        assert store.read(run_dir.name).status.state == "succeeded"
        found = left(run_dir)
        assert found.curve == wanted.curve
        assert found == wanted, how

    def check_listed(self, run_dir: Path, wanted: Left) -> None:
        """What can be listed at this moment is whole."""
        for folder in run_dir.glob("checkpoint*"):
            weights = b"".join(file.read_bytes() for file in folder.glob("*.safetensors"))
            whole = weights == wanted.weights[folder.name] and (folder / "run.json").is_file()
            self.half += not whole
            assert whole, f"half a checkpoint in {folder}"


@contextmanager
def killer(root: Path, base: Path) -> Iterator[Killer]:
    """The forking process lives as long as the `with` block."""
    command = [sys.executable, "-m", "tests.training.runs.killing", "--serve"]
    settings = {
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(ROOT),
    }
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ | settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        check, local.check_limits = local.check_limits, lambda *_: None  # the base model is none of the catalogue
        try:
            assert process.stdout.readline() == "ready\n"
            yield Killer(root, base, process)
        finally:
            local.check_limits = check
            process.stdin.close()
            process.wait(timeout=60)


def moments(killing: Killer, seed: int, kills: int) -> Iterator[tuple[float, dict[str, Any]]]:
    """(learning rate, how to kill): by turns at a file that is touched, and after a time, which hits all between."""
    draws = random.Random(seed)
    for number in range(kills):
        rate = draws.choice((GOES_WELL, MADE_WORSE))
        _, touched, seconds = killing.whole(rate)
        if number % 2 == 0:
            yield rate, {"at": draws.randrange(len(touched))}
        else:
            yield rate, {"after": draws.uniform(0, seconds)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.training.runs.killing", description=__doc__)
    parser.add_argument("--serve", action="store_true", help="be the process that forks")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="where the counts go")
    options = parser.parse_args()
    if options.serve:
        return serve([])
    from tempfile import TemporaryDirectory

    begun, failed = time.monotonic(), []
    with TemporaryDirectory() as folder, killer(Path(folder) / "runs", make_base(Path(folder) / "base")) as killing:
        for rate, how in moments(killing, options.seed, 10 * options.kills):
            try:
                killing.kill(rate, **how)
            except (AssertionError, PeftClassroomError) as error:
                failed.append(f"{how}: {error or traceback.format_exc()}")
                print(failed[-1], flush=True)
            print(f"{killing.killed} of {options.kills}: {how}", flush=True)
            if killing.killed >= options.kills:  # a time that is drawn may come after the end
                break
        result = {
            "ordered": killing.ordered, "seed": options.seed, "killed": killing.killed,
            "half_checkpoints_listed": killing.half, "did_not_end_in_the_same_bytes": len(failed), "failed": failed,
            "found_afterwards": dict(killing.states), "touches_of_files_in_a_run": len(killing.whole(GOES_WELL)[1]),
            "seconds": round(time.monotonic() - begun), "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        }  # fmt: skip
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
