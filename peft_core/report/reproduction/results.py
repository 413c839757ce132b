"""The results file: everything that was measured for a table, in one validated JSON file. No torch here.

Curves and accuracies are those of the records (`run.json`); nothing is added but means of losses.
"""

from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from peft_core.checkpoints.record import RunRecord
from peft_core.config import RunConfig
from peft_core.errors import PeftClassroomError
from peft_core.files import write_atomic, writing
from peft_core.paths import RESULTS
from peft_core.report.reproduction.plan import Settings
from peft_core.report.reproduction.planned_rows import ROWS, ReportKey
from peft_core.report.reproduction.yardstick import YardstickConfig, YardstickRecord
from peft_core.validated import Frozen, read_json

State = Literal["done", "running", "failed", "not run"]


class Point(Frozen):
    """One point of a run's curves: at the start and after every validation."""

    step: int
    epoch: float
    validation: float
    test: float | None = Field(description="noted, never used to choose; None while the run is not done")
    train_loss: float | None = Field(description="mean over the steps since the point before; None at the start")
    seconds: float | None = Field(description="of training and validating until here; None if the note was lost")


class RunResult(Frozen):
    """One training run. "running": begun; a process is at it, or it was stopped and the same command goes on."""

    name: str
    state: State
    config: RunConfig
    base_fingerprint: str
    data_fingerprint: str
    points: tuple[Point, ...] = ()
    step: int = 0
    examples_per_second: float | None = None
    peak_bytes: int | None = Field(
        None, description="resident memory of its process at its highest, libraries included"
    )
    weights: str | None = Field(None, description="digest of the weights file: equal for equal weights")
    record: RunRecord | None = Field(None, description="its run.json, without the probabilities")
    test_right: str | None = Field(None, description='"1" for each test review that was answered right, in their order')
    message: str | None = Field(None, description="why it failed")

    @model_validator(mode="after")
    def _holds_together(self) -> "RunResult":
        parts = (self.record, self.test_right, self.weights)
        if any((part is not None) != (self.state == "done") for part in parts):
            raise PeftClassroomError(f"{self.name} is {self.state}, which does not fit what is recorded of it.")
        if self.record:
            _check_right(self.name, self.test_right or "", self.record.test.accuracy, self.record.test.n)
            if self.record.config != self.config:
                raise PeftClassroomError(f"The record of {self.name} is of another configuration.")
        return self


class YardstickResult(Frozen):
    """The yardstick at one training size."""

    name: str
    state: State
    config: YardstickConfig
    data_fingerprint: str
    peak_bytes: int | None = None
    record: YardstickRecord | None = None
    message: str | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> "YardstickResult":
        if (self.record is not None) != (self.state == "done"):
            raise PeftClassroomError(f"{self.name} is {self.state}, which does not fit what is recorded of it.")
        if self.record:
            _check_right(self.name, self.record.test_right, self.record.test.accuracy, self.record.test.n)
        return self

    @property
    def test_right(self) -> str | None:
        return self.record and self.record.test_right


class RowResult(Frozen):
    """A row of the table: the runs it stands for. Rows with a run in common say so in their note."""

    name: str
    runs: tuple[str, ...] = Field(min_length=1)
    report: ReportKey | None = Field(description="the row of the report that it is compared with")
    note: str

    @field_validator("report", mode="before")
    @classmethod
    def _of_older_files(cls, value: Any, info: ValidationInfo) -> Any:
        """Older files have the quoted accuracy in its place."""
        if not isinstance(value, dict):
            return value
        return next((row.report for row in ROWS if row.name == info.data.get("name")), None)


class Results(Frozen):
    """The content of the file. Every row is there, whatever its state."""

    format: Literal[1] = 1
    settings: Settings
    base_fingerprint: str
    rows: tuple[RowResult, ...]
    runs: tuple[RunResult, ...]
    yardsticks: tuple[YardstickResult, ...]

    @model_validator(mode="after")
    def _every_run_is_there_once(self) -> "Results":
        names = [run.name for run in (*self.runs, *self.yardsticks)]
        if len(set(names)) != len(names):
            raise PeftClassroomError("Two runs have the same name.")
        if missing := {name for row in self.rows for name in row.runs} - set(names):
            raise PeftClassroomError(f"Rows name runs that are not there: {', '.join(sorted(missing))}.")
        return self

    def result(self, name: str) -> RunResult | YardstickResult:
        """The run, or the yardstick's, of this name.

        Raises:
            KeyError: if there is none.
        """
        return {run.name: run for run in (*self.runs, *self.yardsticks)}[name]

    def runs_of(self, config: RunConfig) -> tuple[RunResult, ...]:
        """The runs that are done and differ from `config` in nothing but their seed."""

        def alike(run: RunResult) -> bool:
            train = config.train.model_copy(update={"seed": run.config.train.seed})
            return run.state == "done" and run.config == config.model_copy(update={"train": train})

        return tuple(filter(alike, self.runs))

    def seconds_left(self, name: str) -> float | None:
        """How long a run still trains, validations and tests not counted: from its own speed, or from the mean of the
        runs of its method that are done. None: no speed was measured."""
        run = self.result(name)
        if isinstance(run, YardstickResult):
            return None
        done = [
            other.examples_per_second
            for other in self.runs
            if other.config.method.method == run.config.method.method and other.examples_per_second
        ]
        speed = run.examples_per_second or (fmean(done) if done else None)
        train = run.config.train
        examples = run.config.data.train_size * train.epochs - run.step * train.batch_size
        return max(0, examples) / speed if speed and run.state != "done" else None


def _check_right(name: str, right: str, accuracy: float, n: int) -> None:
    if len(right) != n or set(right) - set("01") or right.count("1") / n != accuracy:
        raise PeftClassroomError(f"The stored answers of {name} do not give its test accuracy.")


def shipped_results(base: str) -> Path:
    """Where the results for a bundled base model are kept in the repository."""
    return RESULTS / f"reproduction-{base}.json"


def shipped_race(base: str) -> Path:
    """Where runs of one machine are kept that were trained once more for their seconds alone, for the race."""
    return RESULTS / f"race-{base}.json"


def load_results(path: Path) -> Results:
    """The results of a table.

    Raises:
        PeftClassroomError: if the file is missing or damaged.
    """
    return read_json(path, Results, "Restore the file or make it: `python -m peft_core reproduce`.")


def write_results(results: Results, path: Path) -> None:
    """Replace the file as a whole. Results that are already in it leave it untouched."""
    text = results.model_dump_json(indent=1) + "\n"
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    write_atomic(path, text)
