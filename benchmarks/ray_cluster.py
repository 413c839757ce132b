"""Runs on a real Ray cluster of two nodes on this machine: thirty at once, cancelled, and whatever can go wrong.

    make soak-ray        needs requirements-ray.txt; writes benchmarks/results/ray.json; a quarter of an hour on 2 cores

Every run is a real one, of the bundled base model and few reviews. A fault comes after the second validation; the run
has to end in the weights and answers of a run that nothing happened to, byte for byte.
"""

import argparse
import hashlib
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field

from benchmarks.peer_reports import Part
from benchmarks.processes import command_line, provenance
from benchmarks.ray_nodes import Nodes
from peft_core.checkpoints.run_json import read_run
from peft_core.config import RunConfig, TrainConfig
from peft_core.methods.registry import method_config
from peft_core.paths import RESULTS
from peft_core.report.costs.measured import Provenance, write_report
from peft_core.reviews.config import DataConfig
from peft_core.training.runs import RunSpec, RunStatus, new_spec
from peft_core.training.runs.cluster.jobs import ClusterError
from peft_core.training.runs.cluster.ray import RayBackend, SharedStore

RAY = RESULTS / "ray.json"
AWAY_SECONDS = 10.0
_POLL = 0.3  # seconds between two looks, as of a page that is open
_PATIENCE = 900.0
Fault = Literal["nothing", "cancelled and resumed", "worker killed", "node killed", "shared folder away", "head killed"]
FAULTS = get_args(Fault)[1:]


class Crowd(Part):
    """Many runs submitted at the same moment, each of another student."""

    runs: int
    submit_seconds: tuple[float, ...] = Field(description="of each submission, as its student waits for it")
    seconds: float = Field(description="from the first submission to the last success")
    succeeded: int
    interruptions: int
    nodes: tuple[int, ...] = Field(description="how many of them each node had")
    most_at_once: int = Field(description="that were seen active at the same moment; no more than places")
    order_kept: bool = Field(description="whether they began in the order in which they were in line")


class Outcome(Part):
    """What became of one run that something happened to."""

    fault: Fault
    noticed_seconds: float | None = Field(None, description="from the fault until the run's status said something else")
    seconds: float = Field(description="from its submission to its success")
    interruptions: int
    resumed_by_hand: bool
    nodes: int = Field(description="how many nodes it trained on")
    same_bytes: bool = Field(
        description="weights, test answers and validations, as of the run that nothing happened to"
    )


class RayReport(Part):
    """The content of `ray.json`."""

    format: Literal[1] = 1
    provenance: Provenance
    places: int
    cluster_bytes: int = Field(description="memory of head and nodes alone, before a run")
    crowd: Crowd
    load: tuple[float, float, float] = Field(description="of the machine after the crowd, over 1, 5 and 15 minutes")
    waiting_cancelled_seconds: float = Field(description="until a run in line was cancelled")
    outcomes: tuple[Outcome, ...]


def config(reviews: int, evaluations: int, epochs: int = 1) -> RunConfig:
    """A run of a minute or less."""
    return RunConfig(
        method=method_config("lora", r=8),
        data=DataConfig(train_size=reviews, validation_size=80, test_size=80, max_length=64),
        train=TrainConfig(epochs=epochs, max_seconds=900, evaluations=evaluations),
    )


class Soak:
    """A cluster, a folder of runs, a backend over both."""

    def __init__(self, folder: Path, places: int, port: int, reviews: int) -> None:
        self.folder, self.reviews = folder, reviews
        self.nodes = Nodes(folder, places, port)
        self.runs = folder / "runs"
        self.runs.mkdir()
        self.store = SharedStore(self.runs)
        self.backend = RayBackend(self.store, self.nodes.settings)
        self.expected: str | None = None

    def status(self, run: RunSpec) -> RunStatus:
        return self.store.read(run.id).status

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Look again and again, as pages do.

        Raises:
            TimeoutError: if it takes too long; says what was waited for.
        """
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"Not in {_PATIENCE:.0f} s: {what}.")
            time.sleep(_POLL)
            self.backend.reconcile()

    def crowd(self, number: int) -> Crowd:
        """So many runs at once."""
        specs = [new_spec(config(64, 1), f"student-{n}") for n in range(number)]
        begun, submitted = time.monotonic(), []
        for spec in specs:
            before = time.monotonic()
            self.backend.submit(spec)
            submitted.append(time.monotonic() - before)
        most, order = 0, []

        def all_ended() -> bool:
            nonlocal most
            states = {spec.id: self.status(spec) for spec in specs}
            most = max(most, sum(status.active for status in states.values()))
            order.extend(name for name, status in states.items() if not status.queued and name not in order)
            print(f"\r{sum(status.finished for status in states.values())} of {number} ended", end="", flush=True)
            return all(status.finished for status in states.values())

        self.until(all_ended, "the end of all")
        seconds = time.monotonic() - begun
        print()
        found = [self.status(spec) for spec in specs]
        nodes = Counter(self._node(spec) for spec in specs)
        return Crowd(
            runs=number,
            submit_seconds=tuple(submitted),
            seconds=seconds,
            succeeded=sum(status.state == "succeeded" for status in found),
            interruptions=sum(status.interruptions for status in found),
            nodes=tuple(number for node, number in nodes.items() if node),
            most_at_once=most,
            order_kept=order == [spec.id for spec in specs],
        )

    def cancel_waiting(self) -> float:
        """Seconds until a run in line is cancelled, behind as many as there is room for."""
        specs = [new_spec(config(64, 1), f"student-{n}") for n in range(len(self.nodes.names) + 1)]
        for spec in specs:
            self.backend.submit(spec)
        before = time.monotonic()
        self.backend.cancel(specs[-1].id)
        seconds = time.monotonic() - before
        if self.status(specs[-1]).state != "cancelled":
            raise RuntimeError("A waiting run was not cancelled at once.")
        self.until(lambda: all(self.status(spec).finished for spec in specs), "the others")
        return seconds

    def suffer(self, fault: Fault) -> Outcome:
        """One run, and what happens to it after its second validation."""
        spec, begun = new_spec(config(self.reviews, 4), "student"), time.monotonic()
        self.backend.submit(spec)
        noticed, by_hand = None, False
        places = set()
        if fault != "nothing":
            self.until(lambda: self._validations(spec) >= 2 and self._trains(spec), "the second validation")
            places.add(self._node(spec))
            before, struck = self.status(spec), time.monotonic()
            self._strike(fault, spec)
            if fault in ("node killed", "cancelled and resumed", "worker killed"):
                self.until(lambda: self._differs(spec, before), "a word of what happened")
                noticed = time.monotonic() - struck
            if self.status(spec).resumable:
                self.backend.resume(spec.id)
                by_hand = True
        self.until(lambda: self.status(spec).finished, "its end")
        seconds = time.monotonic() - begun
        status = self.status(spec)
        if status.state != "succeeded":
            raise RuntimeError(f"{fault}: {status.state}, {status.message}\n{self.store.log_tail(spec.id)}")
        places.add(self._node(spec))
        found = self._digest(spec)
        self.expected = self.expected or found
        self._mend(fault)
        return Outcome(
            fault=fault,
            noticed_seconds=noticed,
            seconds=seconds,
            interruptions=status.interruptions,
            resumed_by_hand=by_hand,
            nodes=len(places - {None}),
            same_bytes=found == self.expected,
        )

    def _strike(self, fault: Fault, spec: RunSpec) -> None:
        status = self.status(spec)
        if fault == "cancelled and resumed":
            self.backend.cancel(spec.id)
        elif fault == "worker killed":
            os.kill(status.pid, signal.SIGKILL)
        elif fault == "node killed":
            self.nodes.kill(self.nodes.node_of(status.pid))
        elif fault == "head killed":
            self.nodes.kill_head()
            time.sleep(2)
            self.nodes.head_again()
        elif fault == "shared folder away":
            away = self.folder / "away"
            os.rename(self.runs, away)
            time.sleep(AWAY_SECONDS)
            os.rename(away, self.runs)

    def _mend(self, fault: Fault) -> None:
        """What a service manager would do: start again what has gone."""
        if fault == "head killed":
            self.until(self._nodes_gave_up_or_are_back, "nodes that have given up, or are back")
        if fault in ("head killed", "node killed"):
            for name in self.nodes.names:
                self.nodes.start_again(name)
            self.nodes.await_room(len(self.nodes.names))

    def _nodes_gave_up_or_are_back(self) -> bool:
        if not any(map(self.nodes.is_up, self.nodes.names)):
            return True
        with suppress(ClusterError):  # some gave up before the new head answered, and were started again for it
            return self.backend.jobs.room() == len(self.nodes.names)
        return False

    def _validations(self, spec: RunSpec) -> int:
        return sum(row["event"] == "validation" for row in self.store.metrics(spec.id))

    def _trains(self, spec: RunSpec) -> bool:
        """Whether it is between two validations, a step after the last."""
        last = self.store.metrics(spec.id)[-1:]
        return bool(last) and last[0]["event"] == "step"

    def _differs(self, spec: RunSpec, before: RunStatus) -> bool:
        now = self.status(spec)
        return now.finished or now.job != before.job

    def _node(self, spec: RunSpec) -> str | None:
        with suppress(ClusterError):  # on busy cores its head may need a while; then the node is not counted
            job = self.backend.jobs.find(self.status(spec).job)
            return job and job.driver_node_id
        return None

    def _digest(self, spec: RunSpec) -> str:
        """Of the weights, of the answers to the test reviews, and of every validation."""
        folder = self.store.read(spec.id).checkpoint
        record = read_run(folder)
        digest = hashlib.sha256(repr((record.validations, record.test_probabilities)).encode())
        for path in sorted(folder.glob("*.safetensors")):
            digest.update(path.read_bytes())
        return digest.hexdigest()


def main(arguments: Sequence[str] | None = None) -> None:
    """Start a cluster, let everything happen to it, end it, write the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ray_cluster", description=__doc__.splitlines()[0])
    parser.add_argument("--crowd", type=int, default=30, help="runs that are submitted at once")
    parser.add_argument("--faults", nargs="*", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--reviews", type=int, default=1024, help="training reviews of a run that something happens to")
    parser.add_argument("--places", type=int, default=2, help="nodes, of one core each")
    parser.add_argument("--port", type=int, default=8604, help="of Ray's dashboard, on 127.0.0.1")
    parser.add_argument("--json", type=Path, default=RAY, help="where the results go")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="ray-") as name:
        soak = Soak(Path(name), options.places, options.port, options.reviews)
        try:
            soak.nodes.start()
            memory = soak.nodes.memory()
            print(f"{options.places} places, {memory / 1e6:.0f} MB", flush=True)
            crowd = soak.crowd(options.crowd)
            print(crowd, flush=True)
            waiting = soak.cancel_waiting()
            report = RayReport(
                provenance=provenance(command_line(parser, options), 1, ("ray",)),
                places=options.places,
                cluster_bytes=memory,
                crowd=crowd,
                waiting_cancelled_seconds=waiting,
                load=os.getloadavg(),
                outcomes=(),
            )
            for fault in ("nothing", *options.faults):
                outcome = soak.suffer(fault)
                print(outcome, flush=True)
                report = report.model_copy(update={"outcomes": (*report.outcomes, outcome)})
                write_report(report, options.json)
        finally:
            soak.nodes.close()


if __name__ == "__main__":
    main()
