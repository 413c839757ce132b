"""All points of the board as a CSV file: settings and results, and nothing of who started a run."""

from collections.abc import Sequence

from peft_core.methods.registry import method_of
from peft_core.report.experiments.class_runs import ClassRun, Fit, Group
from peft_core.reviews.spreadsheet.writing import write_csv

HEADER = (
    "experiment", "run", "state", "in_line", "why_not", "base", "method", "own_number", "value", "trainable_parameters",
    "seed", "task", "train_size", "epochs", "batch_size", "max_length", "learning_rate", "test_accuracy", "test_low",
    "test_high", "test_n", "validation_accuracy", "validation_low", "validation_high", "validation_n",
)  # fmt: skip


def as_csv(groups: Sequence[Group], chosen: Group, found: Fit) -> bytes:
    """A row a run, those of the chosen experiment first; `in_line`: whether the line that is shown goes through it."""
    first = sorted(groups, key=lambda group: group is not chosen)
    reasons = {run.id: why for why, runs in found.left_out.items() for run in runs}
    used = {run.id for run in found.used} if found.trend else set()
    rows = []
    for group in first:
        for run in group.runs:
            inside = "yes" if run.id in used else "no"
            rows.append([group.key, run.id, run.state, inside, _why(run, reasons, used, group is chosen), *_rest(run)])
    return write_csv(HEADER, rows)


def _why(run: ClassRun, reasons: dict[str, str], used: set[str], here: bool) -> str:
    if run.id in used:
        return ""
    return reasons.get(run.id, "few_values") if here else "other_settings"


def _rest(run: ClassRun) -> list[object]:
    config, knob = run.config, method_of(run.config.method).knob
    cells: list[object] = [config.base, config.method.method, knob.field if knob else "", run.knob]
    cells += [run.trainable_parameters, config.train.seed, config.data.task_key, config.data.train_size]
    cells += [config.train.epochs, config.train.batch_size, config.data.max_length, config.learning_rate]
    for split in ("test", "validation"):
        measured = run.measured.get(split)
        cells += [measured.accuracy, measured.low, measured.high, measured.n] if measured else [None] * 4
    return cells
