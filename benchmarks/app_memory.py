"""What the app holds in memory: alone, with checkpoints that were asked, and beside it a process that trains.

    python -m benchmarks.app_memory          writes benchmarks/results/app_memory.json; about three minutes on 2 cores

The server is the real app; a page is opened and verdicts are asked for over Streamlit's own protocol. A run is
`python -m peft_core train` on few reviews: what it holds depends on the batch and the tokens, not on how long it goes
on. Its number is the highest that the system noted (VmHWM), the others are resident sizes at rest: Linux alone. What is
resident counts files that are mapped, torch's library among them, which two processes have in memory once.
"""

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import psutil
from pydantic import Field

from benchmarks.app_client import App, running
from benchmarks.load_visitor import Visitor
from benchmarks.peer_reports import Part
from benchmarks.processes import command_line, provenance
from benchmarks.shapes import source_of
from peft_core.checkpoints.listing import list_all
from peft_core.methods.registry import method_config, method_label
from peft_core.paths import RESULTS, ROOT
from peft_core.report.costs.measured import Provenance, write_report

APP_MEMORY = RESULTS / "app_memory.json"
BASES = ("tiny-t5", "t5-small-shape")
METHODS_TRAINED = ("lora", "full")
TOKENS = (160, 256)
SIZES = "--train-size 64 --validation-size 32 --test-size 32 --epochs 1 --evaluations 1".split()


class Held(Part):
    """Bytes of one process in one state."""

    state: str
    bytes: int


class AppMemory(Part):
    """The content of `app_memory.json`."""

    format: Literal[1] = 1
    provenance: Provenance
    server: tuple[Held, ...] = Field(description="the app's process, in this order")
    spare: int = Field(description="the worker that waits for the next run")
    training: tuple[Held, ...] = Field(description="a run's process at its highest")


def server_states(folder: Path, names: Sequence[str]) -> Iterator[Held]:
    """The app's process when it starts, with its libraries, and after verdicts of more and more checkpoints."""
    with running({"PEFT_RUNS_DIR": str(folder), "PEFT_SPARE_WORKER": "0"}) as app:
        yield Held(state="started", bytes=_resident(app.process))
        Visitor(app, random.Random(0)).go("")
        _until_torch(app)
        yield Held(state="first page, libraries loaded", bytes=_resident(app.process))
        for number in sorted({1, 4, len(names)}):
            visitor = Visitor(app, random.Random(number))  # one is asked by its first link
            visitor.go("playground", "&".join(f"checkpoint={name}" for name in names[:number]))
            if visitor.ask_for_verdicts() is None:
                raise RuntimeError("There is no box for a review in the Playground.")
            app.wait_until_at_rest()
            yield Held(state=f"{number} asked", bytes=_resident(app.process))


def spare_bytes(folder: Path) -> int:
    """The worker that waits, at rest."""
    with running({"PEFT_RUNS_DIR": str(folder), "PEFT_SPARE_WORKER": "1"}) as app:
        for _ in range(2):  # it is started with the first page after the libraries are there
            Visitor(app, random.Random(0)).go("")
            _until_torch(app)
        waiting = app.process.children()
        return _resident(waiting[0])


def highest_of_a_run(base: str, method: str, tokens: int) -> int:
    """The most that a training process held."""
    with tempfile.TemporaryDirectory() as folder:
        out = ["--base", source_of(base), "--out", f"{folder}/run", "--max-length", str(tokens)]
        command = [sys.executable, "-m", "peft_core", "train", method, *out, *SIZES]
        highest = 0
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None:
                highest = max(highest, _highest(process.pid))
                time.sleep(0.05)
        if process.returncode:
            raise RuntimeError(f"The run ended with code {process.returncode}.")
        return highest


def _resident(process: psutil.Process) -> int:
    return process.memory_info().rss


def _highest(pid: int) -> int:
    try:
        said = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(said[1]) * 1024 if said else 0


def _until_torch(app: App) -> None:
    while not app.has_torch():
        time.sleep(0.2)
    app.wait_until_at_rest()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a line each, write the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.app_memory", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, default=APP_MEMORY)
    options = parser.parse_args(arguments)
    names = [info.name for info in list_all().runs if info.base == BASES[0]]
    names.sort(key=lambda name: name == "full")  # the one that has all weights of its own is the last
    with tempfile.TemporaryDirectory() as folder:
        server = tuple(_told(held) for held in server_states(Path(folder) / "a", names))
        spare = spare_bytes(Path(folder) / "b")
    _told(Held(state="worker that waits", bytes=spare))
    training = tuple(
        _told(Held(state=f"{_label(method)}, {base}, {tokens} tokens", bytes=highest_of_a_run(base, method, tokens)))
        for base in BASES
        for method in METHODS_TRAINED
        for tokens in TOKENS
    )  # fmt: skip
    made = provenance(command_line(parser, options), os.cpu_count() or 1, peers=["streamlit"])
    write_report(AppMemory(provenance=made, server=server, spare=spare, training=training), options.json)


def _label(method: str) -> str:
    return method_label(method_config(method))


def _told(held: Held) -> Held:
    print(f"{held.bytes / 1e6:8.0f} MB  {held.state}", flush=True)
    return held


if __name__ == "__main__":
    main()
