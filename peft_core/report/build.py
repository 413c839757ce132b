"""Fills in the report's table: which checkpoints belong to which row, and what was counted and measured of them.

A checkpoint belongs to a row if its record has every setting that the report states of the row, whatever its folder is
called. No torch here: `numel()` is handed in.
"""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, Protocol

from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.checkpoints.stored_answers import untrained_test
from peft_core.checkpoints.weights_file import weights_file
from peft_core.config import RunConfig
from peft_core.counting.by_hand import count
from peft_core.errors import PeftClassroomError
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.registry import MethodConfig, method_label, method_of, what_costs
from peft_core.report.costs.growth import load_growth
from peft_core.report.costs.measured import Provenance, TrainingCost, load_cost
from peft_core.report.quoted import BASE, quoted_rows
from peft_core.report.reproduction.planned_rows import YARDSTICK_ROWS, as_planned
from peft_core.report.reproduction.results import Results, RowResult, load_results, shipped_results
from peft_core.report.table import Counted, Counts, Memory, Reproduction, SeedRun, Table, TableRow, Yardstick
from peft_core.t5.architecture import BaseModel, base_model, catalogue

OURS = (LoraConfig(r=64),)  # rows that the report lacks and that stand in the table also before they are run


class Sums(Protocol):
    """What `peft_core.counting.by_numel.count_by_numel` gives."""

    numel_trainable: int
    numel_total: int


Numel = Callable[[BaseModel, MethodConfig], Sums | None]  # None: torch is not loaded yet


def not_asked(base: BaseModel, method: MethodConfig) -> None:
    """Stands for `count_by_numel` where torch shall stay out."""


def build_table(
    infos: Iterable[CheckpointInfo], base: str = "tiny-t5", numel: Numel = not_asked, results: Path | None = None
) -> Table:
    """The report's ten rows, this project's own, and the yardstick, with whatever was run on `base`.

    Args:
        infos: the checkpoints that are here; those on other bases are left out.
        numel: `peft_core.counting.by_numel.count_by_numel`, or what answers None as long as torch is not loaded.
        results: what `python -m peft_core reproduce` wrote. None: the file in the repository, if there is one.

    Raises:
        PeftClassroomError: for an unknown base, or damaged files of results or measured costs.
    """
    reproduced = _results(base, results)
    runs = runs_here(infos, base, reproduced)
    placed = {id(run): _rows_of(run, reproduced) for run in runs}
    costs = _measured_costs()
    rows: list[TableRow] = []
    for quoted in quoted_rows():
        groups = _reproductions([run for run in runs if quoted.key in placed[id(run)]], numel, costs)
        rows.append(
            TableRow(
                key=quoted.key,
                label=quoted.label,
                method=quoted.method,
                quoted=quoted,
                quoted_counts=_counts(BASE, quoted.method, numel),
                counts=_counts(base, quoted.method, numel),
                reproductions=groups,
                same_runs_as=next((row.key for row in rows if groups and row.reproductions == groups), None),
                to_run=as_planned(base, quoted.method, quoted.key),
                note=next((row.note for row in _result_rows(reproduced) if row.report == quoted.key), ""),
            )
        )
    others: dict[MethodConfig, list[SeedRun]] = {what_costs(method): [] for method in OURS}
    for run in runs:
        if not placed[id(run)]:
            others.setdefault(what_costs(run.record.config.method), []).append(run)
    for method, mine in others.items():
        rows.append(
            TableRow(
                key=_key(method),
                label=_label(method),
                method=method,
                quoted=None,
                quoted_counts=None,
                counts=_counts(base, method, numel),
                reproductions=_reproductions(mine, numel, costs),
                same_runs_as=None,
                to_run=as_planned(base, method),
            )
        )
    return Table(base, tuple(rows), _yardsticks(reproduced), untrained_test(run.record for run in runs))


# ---------------------------------------------------------------------------------------------------------------------
# The results file


def _results(base: str, path: Path | None) -> Results | None:
    if path is None:
        if base not in catalogue() or not shipped_results(base).is_file():
            return None
        path = shipped_results(base)
    return load_results(path)


def _result_rows(results: Results | None) -> tuple[RowResult, ...]:
    return results.rows if results else ()


def _rows_of(run: SeedRun, results: Results | None) -> set[str]:
    """Keys of the report's rows that a run belongs to: those that the results file gives it, or all that match."""
    config = run.record.config
    same = {result.name for result in (results.runs if results else ()) if result.config == config}
    given = [row for row in _result_rows(results) if same & set(row.runs)]
    return {
        quoted.key
        for quoted in quoted_rows()
        if quoted.matches(config.method) and (not given or any(row.report == quoted.key for row in given))
    }


def _yardsticks(results: Results | None) -> tuple[Yardstick, ...]:
    if results is None:
        return tuple(Yardstick(row.train_size, None, None) for row in YARDSTICK_ROWS)
    found = []
    for yardstick in results.yardsticks:
        record = yardstick.record
        found.append(Yardstick(yardstick.config.train_size, record and record.test, record and record.seconds))
    return tuple(found)


# ---------------------------------------------------------------------------------------------------------------------
# Runs


def runs_here(infos: Iterable[CheckpointInfo], base: str, results: Results | None) -> list[SeedRun]:
    """Every run on `base`: of the checkpoints that are here, and those that only the results file tells of.

    One that went on from other weights is none of these: it has trained longer than it says.
    """
    done = {run.name: run for run in (results.runs if results else ()) if run.record}
    runs = []
    for info in infos:
        if info.base == base and info.record.config.start_from is None:
            told = info.record.model_copy(update={"test_probabilities": None}).unbound()
            name = next((name for name, run in done.items() if run.record.unbound() == told), None)
            runs.append(_run(info, done.pop(name).peak_bytes if name else None))
    gone = "its checkpoint is not on this computer"
    return runs + [SeedRun(name, run.record, None, None, gone, run.peak_bytes) for name, run in done.items()]


def _run(info: CheckpointInfo, process_bytes: int | None) -> SeedRun:
    try:
        file, problem = weights_file(info.path), None
    except PeftClassroomError as error:
        file, problem = None, str(error)
    return SeedRun(info.name, info.record, info.path, file, problem, process_bytes)


def _reproductions(
    runs: list[SeedRun], numel: Numel, costs: list[tuple[TrainingCost, Provenance]]
) -> tuple[Reproduction, ...]:
    """The runs in groups that differ in nothing but the seed; of two with one seed the newer counts."""
    groups: dict[tuple, dict[int, SeedRun]] = {}
    for run in sorted(runs, key=lambda run: run.record.created):
        record = run.record
        same = {"seed": 0, "learning_rate": record.learning_rate, "test_curve": False}  # the curve changes nothing
        train = record.config.train.model_copy(update=same)
        budget = record.config.model_copy(update={"train": train})
        groups.setdefault((budget, record.base_fingerprint), {})[run.seed] = run
    found = []
    for group in groups.values():
        seeds = tuple(run for _, run in sorted(group.items()))
        config = seeds[0].record.config
        counts = _counts(config.base, config.method, numel, {run.file.elements for run in seeds if run.file})
        found.append(Reproduction(seeds, counts, _memory(config, costs)))
    return tuple(sorted(found, key=lambda r: (-r.test.n, -r.examples_seen, -len(r.runs))))


# ---------------------------------------------------------------------------------------------------------------------
# Counts and costs


def _counts(base: str, method: MethodConfig, numel: Numel, elements: Collection[int] = ()) -> Counts:
    """The three counts; `elements`: of the weights files; where seeds disagree, that furthest from by hand."""
    model = base_model(base)
    by_hand, by_numel = count(model.architecture, method), numel(model, method)
    in_file = max(elements, key=lambda number: abs(number - by_hand.trainable_parameters), default=None)
    return Counts(
        Counted(by_hand.trainable_parameters, by_hand.total_parameters),
        by_numel and Counted(by_numel.numel_trainable, by_numel.numel_total),
        None if in_file is None else Counted(in_file, _total_in_files(base, method, in_file)),
    )


def _total_in_files(base: str, method: MethodConfig, elements: int) -> int | None:
    """Elements of the checkpoint's file and of the base model's; a full checkpoint is whole. None: no base file."""
    if method_of(method).owns_weights:
        return elements
    model = base_model(base)
    if not model.bundled:
        return None
    return elements + weights_file(Path(model.source)).elements


def _measured_costs() -> list[tuple[TrainingCost, Provenance]]:
    cost, growth = load_cost(), load_growth()
    rows = [(row, cost.provenance) for row in cost.training]
    return rows + [(row, sweep.provenance) for sweep in growth.training.values() for row in sweep.rows]


def _memory(config: RunConfig, costs: list[tuple[TrainingCost, Provenance]]) -> Memory | None:
    """What was measured with this base, method, batch and length; None if that was not measured."""
    wanted = (config.base, what_costs(config.method), config.train.batch_size, config.data.max_length)
    for row, provenance in costs:
        if (row.shape, what_costs(row.method), row.batch, row.width) == wanted:
            return Memory(row.peak, len(row.peak_bytes), row.batch, row.width, provenance)
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Names of rows that the report lacks


def _key(method: MethodConfig) -> str:
    knob = method_of(method).knob
    more = [name if value is True else _word(value, "") for name, value in _more(method).items()]
    return "-".join([method.method, str(getattr(method, knob.field)) if knob else "", *more, "ours"])


def _label(method: MethodConfig) -> str:
    """The method with whatever else is not its default: "LoRA r=64", "LoRA r=8 (target_modules q, k, v)"."""
    told = method_of(method).told_by_label
    more = [f"{name} {_word(value, ', ')}" for name, value in _more(method).items() if name not in told]
    return method_label(method) + (f" ({'; '.join(more)})" if more else "")


def _word(value: Any, between: str) -> str:
    """A value as text; the items of a list `between` each other, those of a table as name=4."""
    if isinstance(value, tuple):
        return between.join("=".join(map(str, item)) if isinstance(item, tuple) else str(item) for item in value)
    return str(value)


def _more(method: MethodConfig) -> dict[str, Any]:
    """The settings that are not their defaults, except the method's own number."""
    default, knob = type(method)(), method_of(method).knob
    own = knob.field if knob else None
    return {name: value for name, value in method if name != own and value != getattr(default, name)}
