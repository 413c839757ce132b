"""The seam between the app and whatever starts workers: this machine (`local.py`), or a cluster.

A backend only decides when and where `worker.py` starts. Progress, metrics and results are read from the run's folder
through `RunStore`, the same way for every backend.
"""

from typing import Protocol

from peft_core.training.runs.spec import RunSpec


class RunBackend(Protocol):
    """Starts and stops runs."""

    def submit(self, spec: RunSpec) -> None:
        """Take a run. Taking the same one twice runs it once."""

    def cancel(self, run_id: str) -> None:
        """Ask a run to stop. Returns at once; the state on disk tells when it has."""

    def reconcile(self) -> None:
        """Make disk and processes agree. Called at start-up and again and again; cheap, and never waits."""
