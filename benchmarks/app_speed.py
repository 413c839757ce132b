"""How fast the app answers: counting, its start, a slider's move, and the first step of a training run.

    python -m benchmarks.app_speed               writes benchmarks/results/app_speed.json; about three minutes

The app is the real one, its sessions speak Streamlit's protocol (app_client.py), its training run is started by the
real backend. Moves on the two sections take turns (A B A B, …). Linux only.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlencode

from app.content import label
from app.services import garbage
from benchmarks.app_client import END, App, Session, running
from benchmarks.app_report import (
    APP_SPEED,
    AppSpeedReport,
    CountTime,
    FirstStep,
    MoveTime,
    SetupPhase,
    StartTime,
    summary,
)
from benchmarks.processes import command_line, provenance
from peft_core.config import PRESETS, RunConfig, TrainConfig
from peft_core.counting.by_hand import Count, count
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import TARGET_MODULES, LoraConfig
from peft_core.methods.method import MethodConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.paths import BUNDLED_BASES, ROOT, cache_dir
from peft_core.reviews.config import DataConfig
from peft_core.t5.architecture import base_model
from peft_core.training.runs import LocalBackend, RunStore, new_spec

LARGEST = "t5-11b"
VARIED: tuple[tuple[MethodConfig, str], ...] = (  # a method, and the number by which every round is another one
    (SoftPromptConfig(), "num_virtual_tokens"),
    (AdapterConfig(), "bottleneck_dim"),
    (AdapterConfig(placement="houlsby"), "bottleneck_dim"),
    (LoraConfig(), "r"),
    (LoraConfig(target_modules=TARGET_MODULES), "r"),
)
PLACES = {  # section, base and modules of the LoRA page on which a slider is moved
    "Count": ("count", "tiny-t5", LoraConfig()),
    "Idea": ("idea", "tiny-t5", LoraConfig()),
    "Count, largest": ("count", LARGEST, LoraConfig(target_modules=TARGET_MODULES)),
}
IDLE_PAGES = [(page, section) for page in ("lora", "adapter", "soft_prompt") for section in ("count", "idea")]
FIRST_RANK = 9
SECONDS_TO_WAIT = 120


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work()` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure_counts(rounds: int) -> Iterator[CountTime]:
    """Every method on the largest base model, the methods in turn."""
    from peft_core.counting.by_numel import count_by_numel, survey

    architecture = base_model(LARGEST).architecture
    # the first build of a process imports a little more
    count_by_numel(base_model("tiny-t5").architecture, FullConfig())
    garbage.freeze()  # as the app does once its libraries are in
    kinds: list[tuple[MethodConfig, str | None]] = [(FullConfig(), None), *VARIED]
    times: dict[int, list[tuple[float, float, float]]] = {number: [] for number in range(len(kinds))}
    for turn in range(rounds):
        for number, (method, field) in enumerate(kinds):
            config = method.model_copy(update={field: FIRST_RANK + turn}) if field else method
            if field is None:
                survey.cache_clear()
            measured = [
                lambda c=config: count(architecture, c),
                *2 * [lambda c=config: count_by_numel(architecture, c)],
            ]
            times[number].append(tuple(timed(work) for work in measured))
    for number, (method, _) in enumerate(kinds):
        by_hand, by_numel, again = zip(*times[number], strict=True)
        yield CountTime(base=LARGEST, method=method, by_hand=by_hand, by_numel=by_numel, again=again)


@contextmanager
def started(runs: Path) -> Iterator[tuple[App, StartTime]]:
    """The app with torch in; and how long its start took."""
    with running({"PEFT_RUNS_DIR": str(runs)}) as app:
        first = Session(app)
        first.open()
        painted, torch_in = time.perf_counter() - app.started, app.has_torch()
        checked = label("home", "checked")
        while not any(checked in element.words for element in first.open()):
            if time.perf_counter() - app.started > SECONDS_TO_WAIT:
                raise TimeoutError("The app's first page shows no number by numel().")
            time.sleep(0.1)
        numel = time.perf_counter() - app.started
        first.close()
        yield app, StartTime(reachable=app.reachable, first_page=painted, torch_at_first_page=torch_in, numel=numel)


def measure_moves(app: App, idle: int, moves: int) -> Iterator[MoveTime]:
    """The rank's slider on every place, in turn, with ranks that nobody has asked for."""
    app.wait_until_at_rest()
    with ExitStack() as stack:
        for number in range(idle):
            page, section = IDLE_PAGES[number % len(IDLE_PAGES)]
            session = Session(app, page, urlencode({"section": section}))
            stack.callback(session.close)
            session.open()
        sessions = {}
        for place, (section, base, config) in PLACES.items():
            query = [("section", section), ("base", base), *(("lora_targets", m) for m in config.target_modules)]
            sessions[place] = Session(app, "lora", urlencode(query))
            stack.callback(sessions[place].close)
            sessions[place].open()
            sessions[place].open()  # for the first time everything is made that is kept
        app.wait_until_at_rest()  # a spare worker was started by whoever looked first
        times: dict[str, list[tuple[float, float, float]]] = {place: [] for place in PLACES}
        for turn in range(moves):
            for place, session in sessions.items():
                times[place].append(_move(app, session, PLACES[place], FIRST_RANK + turn))
    for place, (_, base, config) in PLACES.items():
        by_hand, seconds, cpu = zip(*times[place], strict=True)
        yield MoveTime(
            place=place,
            base=base,
            method=config,
            sessions=idle,
            by_hand=by_hand,
            seconds=seconds,
            cpu_seconds=sum(cpu) / len(cpu),
        )


def agreed(result: Count) -> set[str]:
    """What *Count* may say where `numel()` and the hand agree: of a model's own file, or of shapes alone."""
    values = {"numel": f"{result.trainable_parameters:,}", "total": f"{result.total_parameters:,}"}
    of = (label("count", name) for name in ("numel_of_config", "numel_of_shapes"))
    return {label("count", "agree", model=model, **values) for model in of}


def _move(app: App, session: Session, place: tuple[str, str, LoraConfig], rank: int) -> tuple[float, float, float]:
    """Seconds until the number by hand is there, until everything is, and processor time of the server."""
    section, base, config = place
    result = count(base_model(base).architecture, config.model_copy(update={"r": rank}))
    wanted = [f"{result.trainable_parameters:,}", END]
    before = app.cpu_seconds()
    came = {words: seconds for seconds, words in reversed(session.move("lora_r", rank))}  # the first time of each
    missing = [words for words in wanted if words not in came]
    if section == "count" and not agreed(result) & came.keys():
        missing += agreed(result)
    if missing:
        raise RuntimeError(f"After the move to rank {rank} the page does not say {missing}.")
    time.sleep(0.3)  # the server collects its garbage after the answer; people take longer to the next move
    return came[wanted[0]], came[END], app.cpu_seconds() - before


def measure_setup(rounds: int) -> Iterator[SetupPhase]:
    """The parts of a fresh worker's start, from as many processes."""
    command = [sys.executable, "-m", "benchmarks.setup_phases"]
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "true"}
    done = []
    for _ in range(rounds):
        ended = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        done.append(json.loads(ended.stdout))
    for name in done[0]:
        yield SetupPhase(name=name, seconds=tuple(phases[name] for phases in done))


def forget_files() -> None:
    """Drop from the page cache what a worker reads, as after a start of the computer: posix_fadvise(2).

    What another process has mapped at this moment stays: torch's libraries, while the app runs.
    """
    os.sync()
    for folder in (Path(sys.prefix).resolve(), cache_dir(), BUNDLED_BASES):
        for path in filter(Path.is_file, folder.rglob("*")):
            with open(path, "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def first_step(runs: Path, spare: bool, cold: bool = False) -> FirstStep:
    """Submit the run of the second preset with the default settings of LoRA; stop it after its first step."""
    backend, preset = LocalBackend(RunStore(runs)), PRESETS["minute"]
    if spare:
        backend.keep_spare = True
        backend.reconcile()
        _until_it_waits(backend.spare_pid)
    method = LoraConfig()
    config = RunConfig(
        base="tiny-t5",
        method=method,
        data=DataConfig(train_size=preset.train_size(method.method), max_length=preset.max_length),
        train=TrainConfig(epochs=preset.epochs, max_seconds=preset.max_seconds),
    )
    spec = new_spec(config, "benchmark")
    if cold:
        forget_files()
    came: dict[str, float] = {}
    started = time.perf_counter()
    backend.submit(spec)
    backend.keep_spare = False
    while "step" not in came:
        for row in backend.store.metrics(spec.id):
            came.setdefault(row["event"], time.perf_counter() - started)
        if backend.store.read(spec.id).status.finished or time.perf_counter() - started > SECONDS_TO_WAIT:
            raise RuntimeError(f"The run took no step: {backend.store.log_tail(spec.id)}")
        time.sleep(0.005)
    backend.cancel(spec.id)
    while not backend.store.read(spec.id).status.finished:
        time.sleep(0.1)
        backend.reconcile()
    return FirstStep(worker="spare" if spare else "fresh", page_cache="cold" if cold else "warm", **came)


def _until_it_waits(pid: int) -> None:
    import psutil

    process, before = psutil.Process(pid), -1.0
    while (now := sum(process.cpu_times()[:2])) != before or now < 1.0:  # its imports take longer than that
        before = now
        time.sleep(1.0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, write the file, print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.app_speed", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="starts, set-ups and first steps; five times as counts")
    parser.add_argument("--moves", type=int, default=30, help="of the slider, on every place")
    parser.add_argument("--sessions", type=int, default=30, help="connected besides, idle")
    parser.add_argument("--short", action="store_true", help="one start, one first step of a kind, ten moves")
    parser.add_argument("--json", type=Path, default=APP_SPEED, help="where the results go")
    options = parser.parse_args(arguments)
    rounds, moves = (1, 10) if options.short else (options.rounds, options.moves)
    starts: list[StartTime] = []
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        for _ in range(rounds):
            with started(runs) as (app, start):
                starts.append(start)
                if len(starts) == rounds:
                    moved = tuple(measure_moves(app, options.sessions, moves))
        setup = tuple(measure_setup(rounds))
        steps = [first_step(runs, spare) for _ in range(rounds) for spare in (False, True)]
        if not options.short:
            steps += [first_step(runs, spare, cold=True) for spare in (False, True)]
    report = AppSpeedReport(
        counts=tuple(measure_counts(5 * rounds)),
        starts=tuple(starts),
        moves=moved,
        setup=setup,
        first_steps=tuple(steps),
        provenance=provenance(command_line(parser, options), os.cpu_count() or 1),
    )
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
    print(summary(report))


if __name__ == "__main__":
    main()
