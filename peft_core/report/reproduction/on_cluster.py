"""A run of a table as a job of a Ray cluster: its folder is on a disk that the nodes share. No ray here."""

import secrets
import time
from collections.abc import Callable
from pathlib import Path

from peft_core.report.reproduction.collect import Act
from peft_core.report.reproduction.worker import FINISHED, STOPPED, Report
from peft_core.training.runs.cluster.jobs import STOP_SECONDS, ClusterError, Job, RayJobs
from peft_core.training.runs.folder import RunFolder

TRIES = 4  # a run whose machine goes is begun again so often, from where it was
_LOOK_EVERY = 2.0
_SAVING = "60"  # seconds that a stopped run has to save its state


def on_cluster(jobs: RayJobs, look_every: float = _LOOK_EVERY) -> Act:
    """What works on a run of a table by handing it to a cluster, and looks on until it has ended."""

    def act(folder: Path, report: Report, should_stop: Callable[[], bool]) -> int:
        told = _Told(RunFolder(folder), report)
        for _ in range(TRIES):
            name = f"{folder.name}-{secrets.token_hex(4)}"
            command = [jobs.settings.python, "-m", "peft_core.report.reproduction.worker", str(folder.resolve())]
            environment = {"OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false", STOP_SECONDS: _SAVING}
            while not _submitted(jobs, name, command, environment | jobs.settings.environment):
                if should_stop():
                    return STOPPED
                time.sleep(look_every)
            job = _watch(jobs, name, told, should_stop, look_every)
            if should_stop() and (job is None or job.status != "SUCCEEDED"):
                return STOPPED
            if job is not None and not job.lost_its_node:
                break
        told.news()
        if job is None:
            return _noted(folder, "The cluster does not know the job any more.", 1)
        if job.status == "SUCCEEDED":
            return FINISHED
        if job.status == "STOPPED":  # by somebody else
            return STOPPED
        return _noted(folder, job.message or "", job.driver_exit_code or 1)

    return act


def _submitted(jobs: RayJobs, name: str, command: list[str], environment: dict[str, str]) -> bool:
    """Whether the cluster has the job; False: it does not answer now."""
    try:
        if jobs.find(name) is None:  # an answer may have been lost on its way here
            jobs.submit(name, command, environment)
    except ClusterError:
        return False
    return True


def _watch(jobs: RayJobs, name: str, told: "_Told", should_stop: Callable[[], bool], look_every: float) -> Job | None:
    """Look on until the job has ended; None: the cluster has forgotten it. Meanwhile it may be away for a while."""
    while True:
        try:
            job = jobs.find(name)
            if job is None or job.ended:
                return job
            if should_stop():
                jobs.stop(name)
        except ClusterError:
            if should_stop():
                return None
        told.news()
        time.sleep(look_every)


class _Told:
    """What the worker has written about its run, line by line to whoever looks on."""

    def __init__(self, folder: RunFolder, report: Report) -> None:
        self.folder, self.report = folder, report
        self.seen = len(folder.metrics())

    def news(self) -> None:
        """Report what is new; a run that begins again from its state has fewer lines than before."""
        rows = self.folder.metrics()
        for row in rows[self.seen :]:
            self.report(row)
        self.seen = len(rows)


def _noted(folder: Path, message: str, code: int) -> int:
    """The cluster's last word, where the sentence of a failed run says that more is to be read."""
    with open(folder / "log.txt", "a", encoding="utf-8") as log:
        log.write(f"{message}\n")
    return code
