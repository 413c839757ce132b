"""Train what a table lacks, each run in its own process, and say what there is. No torch here."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from threading import Event, Lock
from typing import Any

from filelock import FileLock, Timeout

from peft_core.checkpoints.record import RunRecord
from peft_core.checkpoints.run_json import RECORD, read_run, weights_digest
from peft_core.errors import PeftClassroomError
from peft_core.files import make_writable, write_atomic
from peft_core.paths import IMPORTED_FROM
from peft_core.report.reproduction.plan import Planned, PlannedRun, PlannedYardstick, Table, find_folders, make_folder
from peft_core.report.reproduction.planned_rows import ROWS
from peft_core.report.reproduction.results import (
    Point,
    Results,
    RowResult,
    RunResult,
    YardstickResult,
    load_results,
    write_results,
)
from peft_core.report.reproduction.worker import ERROR, FINISHED, STOPPED, YARDSTICK, Report, noted_peak, read_yardstick
from peft_core.training.runs.folder import RunFolder

# act(folder, report, should_stop): works on the run in the folder and returns the exit code of a worker.
Act = Callable[[Path, Report, Callable[[], bool]], int]


def run_table(
    table: Table,
    work: Path,
    out: Path,
    names: Sequence[str],
    report: Callable[[str, dict[str, Any]], None] = lambda name, event: None,
    should_stop: Callable[[], bool] = lambda: False,
    act: Act | None = None,
    known: Results | None = None,
    at_once: int = 1,
) -> Results:
    """Finish those of the runs `names` that are not finished; `out` always holds the whole table as it is.

    A run that fails leaves a sentence in its result, and the next one begins.

    Args:
        work: folder of the runs' folders.
        act: what works on a run; by default a process of its own.
        known: results whose finished runs are taken over instead of trained again, as by `collect`.
        at_once: how many runs are worked on at a time; one after another begins in the order of `names`.

    Raises:
        PeftClassroomError: if another process is at work in the same folder, or `out` would lose a finished run.
    """
    act = act or in_a_process
    with _alone(work):
        folders, before = find_folders(work), collect(table, work, known)
        _check_nothing_is_lost(out, before, folders)
        missing = iter([name for name in names if before.result(name).state != "done"])
        one_tells, stopped = Lock(), Event()

        def finish(name: str) -> None:
            planned = table.planned[name]
            folder = folders.get(planned) or make_folder(work, name, planned)

            def tell(event: dict[str, Any]) -> None:
                with one_tells:
                    if event["event"] == "validation":
                        write_results(collect(table, work, known), out)
                    report(name, event)

            code = act(folder, tell, should_stop)
            if code == STOPPED:
                stopped.set()
            elif code != FINISHED and not (folder / ERROR).exists():
                write_atomic(folder / ERROR, f"Its process ended with code {code}; see {folder.name}/log.txt.\n")

        def finish_some() -> None:
            while not (stopped.is_set() or should_stop()) and (name := next(missing, None)) is not None:
                finish(name)

        if at_once == 1:
            finish_some()
        else:
            with ThreadPoolExecutor(at_once) as pool:
                for each in [pool.submit(finish_some) for _ in range(at_once)]:
                    each.result()
        results = collect(table, work, known)
        write_results(results, out)
        return results


def in_a_process(folder: Path, report: Report, should_stop: Callable[[], bool]) -> int:
    """Work on a run in a fresh process; returns its exit code."""
    environment = {"OMP_WAIT_POLICY": "PASSIVE", "TOKENIZERS_PARALLELISM": "false"} | os.environ
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(IMPORTED_FROM), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "peft_core.report.reproduction.worker", str(folder)]
    with (
        (folder / "log.txt").open("a", encoding="utf-8") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment) as process,
    ):
        assert process.stdout
        try:
            for line in process.stdout:
                report(json.loads(line))
                if should_stop():
                    process.terminate()  # a second time it changes nothing
        except BaseException:
            process.terminate()
            raise
    return process.returncode


@contextmanager
def _alone(work: Path) -> Iterator[None]:
    make_writable(work)
    try:
        with FileLock(work / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise PeftClassroomError(
            f"Another table is being trained in {work}. Wait for it, or name another --work."
        ) from (error)


# ---------------------------------------------------------------------------------------------------------------------
# What there is


def collect(table: Table, work: Path, known: Results | None = None) -> Results:
    """The whole table as it is on disk.

    Args:
        known: other results. A run that is finished there, of the same configuration and seed, on the same base model
            and reviews, counts unless it is finished in `work`.
    """
    folders = find_folders(work)
    elsewhere = {_planned(other): other for other in (_finished(known) if known else ())}
    found = []
    for name, planned in table.planned.items():
        result = _result(table, name, folders.get(planned))
        if result.state != "done" and planned in elsewhere:
            result = elsewhere[planned].model_copy(update={"name": name})
        found.append(result)
    described = {row.name: row for row in ROWS}
    return Results(
        settings=table.settings,
        base_fingerprint=table.base_fingerprint,
        rows=tuple(
            RowResult(
                name=name,
                runs=runs,
                report=described[name].report if name in described else None,
                note=described[name].note if name in described else "It reads whole reviews, and has no base model.",
            )
            for name, runs in table.rows.items()
        ),
        runs=tuple(result for result in found if isinstance(result, RunResult)),
        yardsticks=tuple(result for result in found if isinstance(result, YardstickResult)),
    )


def _check_nothing_is_lost(out: Path, table: Results, folders: Mapping[Planned, Path]) -> None:
    """What took hours, perhaps on another computer, is not written over.

    Raises:
        PeftClassroomError: if `out` holds a finished run that is neither in the table nor finished in a folder, or is
            something else.
    """
    if not out.exists():
        return
    try:
        there = load_results(out)
    except PeftClassroomError as error:
        raise PeftClassroomError(
            f"{out.name} is there already, and no results can be read from it. Move it away, or name another --out."
        ) from error
    kept = {_planned(result) for result in _finished(table)} | {
        planned for planned, folder in folders.items() if _is_finished(folder)
    }
    if lost := [result.name for result in _finished(there) if _planned(result) not in kept]:
        raise PeftClassroomError(
            f"{out.name} holds finished runs that would be lost: {', '.join(lost)}. Name another --out; or, where the "
            f"table has their rows and seeds, take them over with --known {out}."
        )


def _finished(results: Results) -> list[RunResult | YardstickResult]:
    return [result for result in (*results.runs, *results.yardsticks) if result.state == "done"]


def _is_finished(folder: Path) -> bool:
    return (RunFolder(folder).checkpoint / RECORD).is_file() or (folder / YARDSTICK).is_file()


def _planned(result: RunResult | YardstickResult) -> Planned:
    kind = PlannedRun if isinstance(result, RunResult) else PlannedYardstick
    return kind(**{field: getattr(result, field) for field in kind.model_fields if field != "kind"})


def _result(table: Table, name: str, folder: Path | None) -> RunResult | YardstickResult:
    """What is in the folder of a run; None: it has none yet."""
    planned = table.planned[name]
    values: dict[str, Any] = {"name": name, "state": "not run"} | dict(planned)
    kind = RunResult if isinstance(planned, PlannedRun) else YardstickResult
    del values["kind"]
    if folder is None:
        return kind(**values)
    values |= {"state": "running", "peak_bytes": noted_peak(folder)}
    if (folder / ERROR).is_file():
        values |= {"state": "failed", "message": (folder / ERROR).read_text(encoding="utf-8").strip()}
    if isinstance(planned, PlannedYardstick):
        record = read_yardstick(folder)
        return YardstickResult(**values | ({"state": "done", "record": record, "message": None} if record else {}))
    return RunResult(**values | _trained(folder, table.test_labels))


def _trained(folder: Path, labels: tuple[int, ...]) -> dict[str, Any]:
    """How far the training run in this folder is, and what it has measured."""
    notes = RunFolder(folder)
    metrics = notes.metrics()
    if not (notes.checkpoint / RECORD).is_file():
        steps = [event for event in metrics if event["event"] == "step"]
        speeds = [event["examples_per_second"] for event in steps if event["examples_per_second"]]
        return {
            "points": _points(metrics, None),
            "step": steps[-1]["step"] if steps else 0,
            "examples_per_second": speeds[-1] if speeds else None,
        }
    record = read_run(notes.checkpoint)
    right = [(p > 0.5) == label for p, label in zip(record.test_probabilities or (), labels, strict=True)]
    return {
        "state": "done",
        "points": _points(metrics, record),
        "step": record.steps,
        "examples_per_second": record.examples_per_second,
        "weights": weights_digest(notes.checkpoint),
        "record": record.model_copy(update={"test_probabilities": None}),
        "test_right": "".join("01"[answer] for answer in right),
        "message": None,
    }


def _points(metrics: list[dict[str, Any]], record: RunRecord | None) -> tuple[Point, ...]:
    """The curves: accuracies from the record once there is one, losses and times from what was noted on the way."""
    losses = {event["step"]: event["train_loss"] for event in metrics if event["event"] == "step"}
    noted = {event["step"]: event for event in metrics if event["event"] == "validation"}
    curve = dict(record.validations) if record else {step: event["accuracy"] for step, event in noted.items()}
    tests = dict(record.test_curve or ()) if record else {}
    points, before = [], 0
    for step, accuracy in curve.items():
        between = [losses[s] for s in range(before + 1, step + 1) if s in losses]
        points.append(
            Point(
                step=step,
                epoch=step * record.config.train.epochs / record.planned_steps if record else noted[step]["epoch"],
                validation=accuracy,
                test=tests.get(step),
                train_loss=fmean(between) if between and len(between) == step - before else None,
                seconds=noted[step]["seconds"] if step in noted else None,
            )
        )
        before = step
    return tuple(points)
