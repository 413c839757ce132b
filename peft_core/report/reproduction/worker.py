"""The process of one run of a table: `python -m peft_core.report.reproduction.worker FOLDER`.

Every run has a process of its own, so that the peak of its memory is its own. What happens is printed as lines of JSON
for whoever started it. SIGTERM and Ctrl-C make it save its state and end; started again it goes on from there.
Exit codes: 0 finished, 3 stopped, 1 failed (`error.txt` says why).
"""

import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock

from peft_core.checkpoints.run_json import RECORD
from peft_core.errors import PeftClassroomError
from peft_core.files import write_atomic
from peft_core.report.reproduction.plan import PlannedRun, PlannedYardstick, read_plan
from peft_core.report.reproduction.yardstick import YardstickRecord, measure
from peft_core.reviews.word_counts import C_VALUES
from peft_core.training.runs.folder import RunFolder
from peft_core.training.runs.process import importing
from peft_core.training.stopping import stop_on_signals
from peft_core.validated import read_json

ERROR, PROCESS, YARDSTICK = "error.txt", "process.json", "yardstick.json"
FINISHED, FAILED, STOPPED = 0, 1, 3
Report = Callable[[dict[str, Any]], None]
_STATUS = Path("/proc/self/status")


def main(arguments: Sequence[str] | None = None) -> int:
    (folder,) = map(Path, sys.argv[1:] if arguments is None else arguments)
    should_stop = stop_on_signals()
    events, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints is not an event
    return work(folder, lambda event: print(json.dumps(event), file=events, flush=True), should_stop)


def work(folder: Path, report: Report, should_stop: Callable[[], bool]) -> int:
    """Do what the plan in `folder` says, from where it was left; returns the exit code.

    Waits while another process is at it: one whose parent was killed ends with its next event.
    """
    with FileLock(folder / ".lock"):
        return _work(folder, report, should_stop)


def _work(folder: Path, report: Report, should_stop: Callable[[], bool]) -> int:
    (folder / ERROR).unlink(missing_ok=True)
    try:
        plan = read_plan(folder)
        act = _train if isinstance(plan, PlannedRun) else _measure
        act(plan, folder, report, should_stop)
    except _Stopped:
        return STOPPED
    except PeftClassroomError as error:
        write_atomic(folder / ERROR, f"{error}\n")
        return FAILED
    finally:
        _note_peak(folder)
    return FINISHED


class _Stopped(Exception):
    """Somebody asked, and what is done so far is saved."""


def _train(plan: PlannedRun, folder: Path, report: Report, should_stop: Callable[[], bool]) -> None:
    with importing():
        from peft_core.t5.backbone import load_backbone
        from peft_core.training.experiment import run_experiment

    if load_backbone(plan.config.base).fingerprint != plan.base_fingerprint:
        raise PeftClassroomError(
            f"The base model {plan.config.base} has changed since the table was planned. Give the command again."
        )
    notes = RunFolder(folder)
    for log in run_experiment(plan.config, folder, should_stop):
        if log.event == "measuring":
            continue
        note = notes.restart_metrics if log.event == "start" else notes.append_metrics
        note(log)
        if log.event == "validation":
            _note_peak(folder)
        report(asdict(log))
    if not (notes.checkpoint / RECORD).is_file():
        raise _Stopped


def _measure(plan: PlannedYardstick, folder: Path, report: Report, should_stop: Callable[[], bool]) -> None:
    from peft_core.reviews.splits import load_splits

    tried = 0

    def told(c: float, accuracy: Any) -> None:
        nonlocal tried
        tried += 1
        report({"event": "validation", "step": tried, "total_steps": len(C_VALUES), **asdict(accuracy)})
        if should_stop():
            raise _Stopped

    record = measure(plan.config, load_splits(plan.config.source), told)
    write_atomic(folder / YARDSTICK, record.model_dump_json(indent=1) + "\n")


def read_yardstick(folder: Path) -> YardstickRecord | None:
    """What was measured in this folder; None if nothing yet.

    Raises:
        PeftClassroomError: if the file is damaged.
    """
    path = folder / YARDSTICK
    if not path.is_file():
        return None
    return read_json(path, YardstickRecord, "Remove it and give the command again.")


# ---------------------------------------------------------------------------------------------------------------------
# Memory


def peak_bytes() -> int:
    """Resident memory of this process at its highest.

    On Linux from VmHWM, which starts anew with a program; what getrusage(2) says there may be the parent's peak.
    """
    if _STATUS.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
        if found:
            return int(found[1]) * 1024
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset
    import resource

    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024


def noted_peak(folder: Path) -> int | None:
    """The highest peak of the processes that worked on this run; None if none has said."""
    try:
        return int(json.loads((folder / PROCESS).read_text())["peak_bytes"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _note_peak(folder: Path) -> None:
    write_atomic(folder / PROCESS, json.dumps({"peak_bytes": max(noted_peak(folder) or 0, peak_bytes())}) + "\n")


if __name__ == "__main__":
    sys.exit(main())
