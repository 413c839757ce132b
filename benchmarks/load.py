"""A class on one server: visitors on all pages, who think for 1 to 3 seconds between two moves.

    python -m benchmarks.load             writes benchmarks/results/load.json; twice ten minutes on 2 cores
    python -m benchmarks.load --short     half a minute each, for a check
    python -m benchmarks.load --servers 2 --json benchmarks/results/load-two.json

First alone, then with a training run beside them. The server is the real app, in a process of its own and with runs of
its own; visitors speak Streamlit's protocol (load_visitor.py) from this process, on this machine alone. Each goes to a
section by chance, moves there, asks for verdicts where there is a box for a review, and goes on. What takes long by
its nature (Explain, files of reviews, training) is not asked for. Of several servers each visitor stays with one, as
behind the proxies of deploy/. A time is that from a question to the word that the
script has finished: a browser draws after it.
"""

import argparse
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from app.kit.pages import method_pages
from benchmarks.app_client import App, running
from benchmarks.load_report import LOAD, Kind, LoadReport, Phase, Sample, Training, memory, raised_in, summary, times
from benchmarks.load_visitor import Visitor
from benchmarks.processes import command_line, provenance
from peft_core.config import RunConfig, TrainConfig
from peft_core.methods.registry import method_config, method_label
from peft_core.reviews.config import DataConfig
from peft_core.training.runs import LocalBackend, RunStore, new_spec

THINK = (1.0, 3.0)  # seconds
MOVES = 4  # in a section, before the next one
MOST_VISITORS, MOST_SECONDS = 100, 1800  # this is a measurement, no attack
ALONE = 30  # seconds of a run before the visitors come
WAIT = 120


def place_of(page: str, section: str) -> str:
    """Sections of method pages go by their own name, whatever the method."""
    return " · ".join(filter(None, ("method" if page in method_pages() else page or "home", section)))


class Record:
    """What all visitors have noted. Safe for several threads: a list's append is."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.errors: list[str] = []

    def note(self, kind: Kind, place: str, seconds: float | None) -> None:
        if seconds is not None:
            self.samples.append(Sample(kind, place, seconds))


def look_round(app: App, seed: int) -> tuple[dict[str, tuple[str, ...]], Record]:
    """Every page with its sections, as the app itself names them; each opened once."""
    scout, record = Visitor(app, random.Random(seed)), Record()
    scout.go("")
    found = {}
    for page in tuple(scout.pages):
        record.note("open", place_of(page, ""), scout.go(page))
        found[page] = scout.sections
        for section in found[page]:
            record.note("section", place_of(page, section), scout.open_section(section))
    scout.close()
    return found, record


def visit(app: App, pages: dict[str, tuple[str, ...]], chance: random.Random, record: Record, end: float) -> None:
    """One visitor, until the end."""
    places = [(page, section) for page, sections in pages.items() for section in sections or ("",)]
    visitor, now = None, ""

    def think() -> None:
        for seconds in visitor.rest(chance.uniform(*THINK)):
            record.note("by itself", now, seconds)

    while time.monotonic() < end:
        page, section = chance.choice(places)
        now = place_of(page, section)
        try:
            if visitor is None:
                visitor = Visitor(app, chance)
                time.sleep(chance.uniform(0, THINK[1]))
                visitor.go("")
            if visitor.page != page:
                record.note("open", place_of(page, ""), visitor.go(page))
                think()
            if section:
                record.note("section", now, visitor.open_section(section))
                think()
            for number in range(MOVES):
                if time.monotonic() >= end:
                    break
                if number % 2 == 0:
                    record.note("verdict", now, visitor.ask_for_verdicts())
                    think()
                record.note("move", now, visitor.move())
                think()
        except Exception as error:  # whatever it is, it is what a visitor would have met
            record.errors.append(f"{now}: {type(error).__name__}: {error}"[:300])
            if visitor is not None:
                visitor.close()
            visitor = None
    if visitor is not None:
        visitor.close()


@contextmanager
def watched(apps: Sequence[App], samples: list[tuple[float, float]]) -> Iterator[None]:
    """Note the servers' resident memory together, in MB, every second."""
    ended, begun = threading.Event(), time.monotonic()

    def watch() -> None:
        while not ended.wait(1.0):
            resident = sum(app.process.memory_info().rss for app in apps)
            samples.append((time.monotonic() - begun, resident / 1e6))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def crowd(apps: Sequence[App], pages: dict[str, tuple[str, ...]], visitors: int, seconds: float, seed: int) -> Phase:
    """So many visitors for so long."""
    record, resident = Record(), []
    cpu, begun = sum(app.cpu_seconds() for app in apps), time.monotonic()
    end = begun + seconds
    threads = [
        threading.Thread(
            target=visit, args=(apps[number % len(apps)], pages, random.Random(f"{seed} {number}"), record, end)
        )
        for number in range(visitors)
    ]
    with watched(apps, resident):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    took = time.monotonic() - begun
    return Phase(
        seconds=took,
        visitors=visitors,
        times=times(record.samples),
        errors=tuple(record.errors),
        memory=memory(resident),
        servers=len(apps),
        server_cores=(sum(app.cpu_seconds() for app in apps) - cpu) / took,
        load_average=os.getloadavg()[0],
    )


class BesideIt:
    """A run of the real backend that lasts longer than the measurement; cancelled afterwards."""

    def __init__(self, runs: Path) -> None:
        self._backend = LocalBackend(RunStore(runs))
        data = DataConfig(train_size=20_000, max_length=128)
        train = TrainConfig(epochs=5, max_seconds=900, evaluations=1)  # validated at its ends, not meanwhile
        config = RunConfig(method=method_config("lora", r=8), data=data, train=train)
        self._spec = new_spec(config, "benchmark")
        self.words = f"{method_label(config.method)}, {data.max_length} tokens, {train.batch_size} reviews a step"

    def start(self) -> None:
        """Until it has taken its first steps.

        Raises:
            RuntimeError: if it takes none.
        """
        self._backend.submit(self._spec)
        deadline = time.monotonic() + WAIT
        while self.steps < 3:
            if self._backend.store.read(self._spec.id).status.finished or time.monotonic() > deadline:
                raise RuntimeError(f"The run took no step: {self._backend.store.log_tail(self._spec.id)}")
            time.sleep(0.2)

    @property
    def steps(self) -> int:
        """How many it has taken."""
        return self._backend.store.read(self._spec.id).status.step

    def stop(self) -> None:
        """Cancel it, and wait for its end."""
        self._backend.cancel(self._spec.id)
        while not self._backend.store.read(self._spec.id).status.finished:
            time.sleep(0.2)
            self._backend.reconcile()


def crowd_beside_a_run(
    apps: Sequence[App], pages: dict[str, tuple[str, ...]], visitors: int, seconds: float, seed: int, runs: Path
) -> Phase:
    """The same while a run trains; it trains alone for a while first."""
    run = BesideIt(runs)
    run.start()
    try:
        begun, steps = time.monotonic(), run.steps
        time.sleep(min(ALONE, seconds))
        alone = (run.steps - steps) / (time.monotonic() - begun)
        begun, steps = time.monotonic(), run.steps
        phase = crowd(apps, pages, visitors, seconds, seed)
        beside = (run.steps - steps) / (time.monotonic() - begun)
    finally:
        run.stop()
    return phase.model_copy(update={"training": Training(config=run.words, alone=alone, beside=beside)})


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, write the file, print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=600, help="of either part")
    parser.add_argument("--servers", type=int, default=1, help="over the same folder of runs")
    parser.add_argument("--short", action="store_true", help="30 seconds of either part")
    parser.add_argument("--no-training", action="store_true", help="without the second part")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=LOAD, help="where the results go")
    options = parser.parse_args(arguments)
    seconds = 30.0 if options.short else options.seconds
    if not (1 <= options.visitors <= MOST_VISITORS and 4 <= seconds <= MOST_SECONDS and 1 <= options.servers <= 4):
        parser.error(f"1 to {MOST_VISITORS} visitors, 4 to {MOST_SECONDS} seconds, 1 to 4 servers")
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as started:
        runs, log, apps = Path(folder) / "runs", Path(folder) / "server.log", []
        for _ in range(options.servers):
            app = started.enter_context(running({"PEFT_RUNS_DIR": str(runs), "PEFT_LOG": "json"}, log))
            Visitor(app, random.Random()).go("")
            app.wait_until_at_rest()  # its libraries are in
            pages, _ = look_round(app, options.seed)
            _, alone = look_round(app, options.seed)
            app.wait_until_at_rest()
            apps.append(app)
        phases = [crowd(apps, pages, options.visitors, seconds, options.seed)]
        if not options.no_training:
            phases.append(crowd_beside_a_run(apps, pages, options.visitors, seconds, options.seed + 1, runs))
        raised = raised_in(log.read_text(errors="replace"))
    report = LoadReport(
        provenance=provenance(command_line(parser, options), os.cpu_count() or 1),
        cores=os.cpu_count() or 1,
        load_before=load,
        think=THINK,
        seed=options.seed,
        alone=times(alone.samples),
        phases=tuple(phases),
        raised=raised,
    )
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
    print(summary(report))


if __name__ == "__main__":
    main()
