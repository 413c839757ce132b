"""The report's table, row by row, beside what was run here. No torch here: `numel()` is handed in.

    reported      T5-small, quoted                              not measured by this project
    reproduced    one base, one budget, one or several seeds    from run.json of the checkpoints that are here
    counted       by hand · by numel() · in the weights file

These are the parts of a row; `build.py` fills them in.
"""

from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from peft_core.checkpoints.record import RunRecord
from peft_core.checkpoints.weights_file import WeightsFile
from peft_core.config import RunConfig
from peft_core.methods.method import MethodConfig
from peft_core.report.costs.measured import Provenance
from peft_core.report.quoted import Quoted
from peft_core.statistics.intervals import Accuracy, wilson


@dataclass(frozen=True)
class Counted:
    """One way of counting; `total` None: this way cannot tell."""

    trainable: int
    total: int | None


@dataclass(frozen=True)
class Counts:
    """One method on one base model, counted in up to three ways that share no code.

    `by_numel` None: not asked yet (torch is not loaded). `by_file` None: there is no file to count in.
    """

    by_hand: Counted
    by_numel: Counted | None
    by_file: Counted | None

    @property
    def agree(self) -> bool:
        """Whether all ways that were tried say the same."""
        known = [c for c in (self.by_hand, self.by_numel, self.by_file) if c]
        totals = {c.total for c in known if c.total is not None}
        return len({c.trainable for c in known}) == 1 and len(totals) == 1


@dataclass(frozen=True)
class Memory:
    """Peak memory of training steps, as `provenance.command` measured it on batches of `batch` × `width` tokens.

    In bytes, without libraries: the median of the rounds.
    """

    peak_bytes: float
    rounds: int
    batch: int
    width: int
    provenance: Provenance


@dataclass(frozen=True)
class SeedRun:
    """One training run. `test` and `validation` with 95% Wilson intervals.

    `path`: the folder of its checkpoint, if that is here; `file` None: `problem` says why. `process_bytes`: the memory
    of its process at its highest, libraries included, where `python -m peft_core reproduce` trained it.
    """

    name: str
    record: RunRecord
    path: Path | None
    file: WeightsFile | None
    problem: str | None
    process_bytes: int | None = None

    @property
    def test(self) -> Accuracy:
        return self.record.test

    @property
    def validation(self) -> Accuracy:
        return self.record.validation

    @property
    def seed(self) -> int:
        return self.record.config.train.seed

    @property
    def machine(self) -> tuple[str, str]:
        """(device, precision): a CPU that multiplies bf16 trains several times as fast as one that has only fp32."""
        return self.record.device, self.record.precision


@dataclass(frozen=True)
class Reproduction:
    """Runs that differ in nothing but the seed, and perhaps the machine."""

    runs: tuple[SeedRun, ...]
    counts: Counts
    memory: Memory | None

    @property
    def config(self) -> RunConfig:
        """The first seed's configuration."""
        return self.runs[0].record.config

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(run.seed for run in self.runs)

    @property
    def test(self) -> Accuracy:
        """One seed: its accuracy. Several: their mean; every seed has its own in `runs`.

        All seeds answer the same n reviews, so the interval of the mean is the Wilson interval of n reviews, not of
        seeds · n. It covers the choice of reviews, not that of seeds.
        """
        n = self.runs[0].test.n
        return wilson(sum(run.test.accuracy * n for run in self.runs) / len(self.runs), n)

    @property
    def timed(self) -> tuple[SeedRun, ...]:
        """The runs whose times may be averaged: those on the first seed's machine."""
        return tuple(run for run in self.runs if run.machine == self.runs[0].machine)

    @property
    def seconds(self) -> float:
        """Seconds of training, validations included: the mean of the `timed` seeds."""
        return fmean(run.record.seconds for run in self.timed)

    @property
    def examples_per_second(self) -> float | None:
        """Reviews a second in training: the mean of the `timed` seeds; None if one was too short to tell."""
        speeds = [run.record.examples_per_second for run in self.timed]
        return None if None in speeds else fmean(s for s in speeds if s is not None)

    @property
    def examples_seen(self) -> int:
        """Reviews read by the seed that took the most steps; each counts as often as it was read."""
        return max(run.record.steps * run.record.config.train.batch_size for run in self.runs)


@dataclass(frozen=True)
class TableRow:
    """One row. `quoted` None: the report has none like it. No `reproductions`: not run here.

    `counts` is for this table's base, `quoted_counts` for the report's. Rows of the report that differ only in the
    library may share their runs: `same_runs_as` is then the key of the first. `to_run` trains it as the reproduction
    does, alpha and learning rate included; `note` is that of the results file.
    """

    key: str
    label: str
    method: MethodConfig
    quoted: Quoted | None
    quoted_counts: Counts | None
    counts: Counts
    reproductions: tuple[Reproduction, ...]
    same_runs_as: str | None
    to_run: RunConfig
    note: str = ""

    @property
    def reproduction(self) -> Reproduction | None:
        """The runs to show: the most test reviews, then the most training; never the best accuracy."""
        return self.reproductions[0] if self.reproductions else None


@dataclass(frozen=True)
class Yardstick:
    """Counting words: TF-IDF and logistic regression on `train_reviews` of the training split. `test` None: not run."""

    train_reviews: int
    test: Accuracy | None
    seconds: float | None


@dataclass(frozen=True)
class Table:
    """All rows for one base model, the yardstick at each training size, and what the base does before any training.

    `untrained` None: no run here has noted it.
    """

    base: str
    rows: tuple[TableRow, ...]
    yardsticks: tuple[Yardstick, ...]
    untrained: Accuracy | None = None

    def row(self, key: str) -> TableRow:
        return next(row for row in self.rows if row.key == key)

    def own_runs(self) -> tuple[SeedRun, ...]:
        """The first seed of every row that was run, runs that rows share once."""
        shown = [row.reproduction for row in self.rows if row.same_runs_as is None]
        return tuple(mine.runs[0] for mine in shown if mine)
