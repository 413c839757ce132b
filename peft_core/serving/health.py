"""How the server is: what waits and trains, the disk, versions. For a person as JSON, for Prometheus as text."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Any

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from peft_core import __version__
from peft_core.computer.folders import LITTLE_DISK
from peft_core.training.runs import RunStore, read_orders

PACKAGES = ("streamlit", "torch", "transformers", "peft")
STATES = ("queued", "starting", "running", "succeeded", "failed", "cancelled", "lost")
_answers = CollectorRegistry()
ANSWERS = Histogram(
    "peft_classroom_answer_seconds",
    "From a question to the models until its answer, the wait for others included",
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 40),
    registry=_answers,
)


class Health:
    """Looks when it is asked; holds nothing.

    Args:
        store: the runs.
        at_once: how many may train at a time, as the server was started.
    """

    def __init__(self, store: RunStore, at_once: Callable[[], int]) -> None:
        self._store, self._at_once = store, at_once
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def short(self) -> dict[str, Any]:
        """For anybody: whether it answers."""
        return {"status": "ok"}

    def full(self) -> dict[str, Any]:
        """For the machine itself and the teacher."""
        states, orders = self._states(), read_orders(self._store.root)
        free, total = self._disk()
        return {
            "status": "ok" if free is None or free > LITTLE_DISK else "the disk is nearly full",
            "queue": {"waiting": states["queued"], "paused": orders.paused},
            "workers": {
                "training": states["starting"] + states["running"],
                "at_once": orders.at_once(self._at_once()),
            },
            "runs": {state: states[state] for state in STATES},
            "disk": {"free_bytes": free, "total_bytes": total},
            "versions": {"peft_classroom": __version__, "python": python_version()}
            | {name: _version(name) for name in PACKAGES},
        }

    def metrics(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self._registry) + generate_latest(_answers)

    def collect(self) -> Iterator[Metric]:
        """What prometheus_client asks for at each reading."""
        states, orders = self._states(), read_orders(self._store.root)
        runs = GaugeMetricFamily("peft_classroom_runs", "Runs in the folder, by their state", labels=["state"])
        for state in STATES:
            runs.add_metric([state], states[state])
        yield runs
        at_once = orders.at_once(self._at_once())
        yield GaugeMetricFamily("peft_classroom_workers", "Runs that may train at a time; 0: paused", value=at_once)
        free, _ = self._disk()
        if free is not None:
            yield GaugeMetricFamily("peft_classroom_disk_free_bytes", "Free where the runs are", value=free)

    def _states(self) -> Counter[str]:
        return Counter(run.status.state for run in self._store.list())

    def _disk(self) -> tuple[int | None, int | None]:
        """Free and all bytes where the runs are; nothing is known before there is a folder."""
        try:
            usage = shutil.disk_usage(self._store.root)
        except OSError:
            return None, None
        return usage.free, usage.total


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
