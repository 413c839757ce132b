"""Fills in the report's table: which checkpoints belong to which row, and what was counted and measured of them.

A checkpoint belongs to a row if its record has every setting that the report states of the row, whatever its folder is
called. No torch here: `numel()` is handed in.
"""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, Protocol

from peft_core.architecture import Architecture, base_model
from peft_core.configs import FullConfig, LoraConfig, MethodConfig, RunConfig, method_label
from peft_core.counting import count
from peft_core.errors import PeftClassroomError
from peft_core.growth import knob_of, load_growth, what_costs
from peft_core.intervals import Accuracy
from peft_core.measured import Provenance, TrainingCost, load_cost
from peft_core.quoted import BASE, quoted_rows
from peft_core.records import CheckpointInfo, Measured
from peft_core.report_table import Counted, Counts, Memory, Reproduction, SeedRun, Table, TableRow
from peft_core.weights_file import weights_file

OURS = (LoraConfig(r=64),)  # rows that the report lacks and that stand in the table also before they are run


class Sums(Protocol):
    """What `peft_core.audit.audit` gives."""

    numel_trainable: int
    numel_total: int


Numel = Callable[[Architecture, MethodConfig], Sums | None]  # None: torch is not loaded yet


def not_asked(architecture: Architecture, method: MethodConfig) -> None:
    """In the place of `audit` where torch shall stay out."""


def build_table(infos: Iterable[CheckpointInfo], base: str = "tiny-t5", numel: Numel = not_asked) -> Table:
    """The report's ten rows, then this project's own, with the runs among `infos` that were made on `base`.

    Args:
        numel: `peft_core.audit.audit`, or what answers None as long as torch is not loaded.

    Raises:
        PeftClassroomError: for an unknown base, or damaged files of measured costs.
    """
    runs = [info for info in infos if info.base == base]
    costs = _measured_costs()
    rows, first_with, placed = [], {}, set()
    for quoted in quoted_rows():
        mine = [info for info in runs if quoted.matches(info.record.config.method)]
        placed |= {info.path for info in mine}
        rows.append(
            TableRow(
                key=quoted.key,
                label=quoted.label,
                method=quoted.method,
                quoted=quoted,
                quoted_counts=_counts(BASE, quoted.method, numel),
                counts=_counts(base, quoted.method, numel),
                reproductions=_reproductions(mine, numel, costs),
                same_runs_as=first_with.get(quoted.method),
            )
        )
        first_with.setdefault(quoted.method, quoted.key)
    others: dict[MethodConfig, list[CheckpointInfo]] = {method: [] for method in OURS}
    for info in runs:
        if info.path not in placed:
            others.setdefault(what_costs(info.record.config.method), []).append(info)
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
            )
        )
    return Table(base, tuple(rows), ())


# ---------------------------------------------------------------------------------------------------------------------
# Runs


def _reproductions(
    infos: list[CheckpointInfo], numel: Numel, costs: list[tuple[TrainingCost, Provenance]]
) -> tuple[Reproduction, ...]:
    """The runs in groups that differ in nothing but the seed; of two with one seed the newer counts."""
    groups: dict[tuple, dict[int, CheckpointInfo]] = {}
    for info in sorted(infos, key=lambda info: info.record.created):
        record = info.record
        train = record.config.train.model_copy(update={"seed": 0, "learning_rate": record.learning_rate})
        budget = record.config.model_copy(update={"train": train})
        groups.setdefault((budget, record.base_fingerprint), {})[record.config.train.seed] = info
    found = []
    for group in groups.values():
        runs = tuple(_run(info) for _, info in sorted(group.items()))
        config = runs[0].record.config
        elements = {run.file.elements for run in runs if run.file}
        counts = _counts(config.base, config.method, numel, elements)
        found.append(Reproduction(runs, counts, _memory(config, costs)))
    return tuple(sorted(found, key=lambda r: (-r.test.n, -r.examples_seen, -len(r.runs))))


def _run(info: CheckpointInfo) -> SeedRun:
    try:
        file, problem = weights_file(info.path), None
    except PeftClassroomError as error:
        file, problem = None, str(error)
    return SeedRun(info, _accuracy(info.record.test), _accuracy(info.record.validation), file, problem)


def _accuracy(measured: Measured) -> Accuracy:
    return Accuracy(measured.accuracy, measured.low, measured.high, measured.n)


# ---------------------------------------------------------------------------------------------------------------------
# Counts and costs


def _counts(base: str, method: MethodConfig, numel: Numel, elements: Collection[int] = ()) -> Counts:
    """`elements`: of the weights files; where seeds differ in it, the one furthest from the hand calculation."""
    model = base_model(base)
    by_hand, by_numel = count(model.architecture, method), numel(model.architecture, method)
    in_file = max(elements, key=lambda number: abs(number - by_hand.trainable_parameters), default=None)
    return Counts(
        Counted(by_hand.trainable_parameters, by_hand.total_parameters),
        by_numel and Counted(by_numel.numel_trainable, by_numel.numel_total),
        None if in_file is None else Counted(in_file, _total_in_files(base, method, in_file)),
    )


def _total_in_files(base: str, method: MethodConfig, elements: int) -> int | None:
    """Elements of the checkpoint's file and of the base model's; a full checkpoint is whole. None: no base file."""
    if isinstance(method, FullConfig):
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
    knob = knob_of(method.method)
    words = [method.method, getattr(method, knob[1]) if knob else "", *_more(method).values(), "ours"]
    return "-".join("".join(word) if isinstance(word, tuple) else str(word) for word in words)


def _label(method: MethodConfig) -> str:
    """As in "LoRA r=64", with whatever else is not the default: "LoRA r=8 (target_modules q, k, v)"."""
    more = [f"{name} {', '.join(v) if isinstance(v, tuple) else v}" for name, v in _more(method).items()]
    return method_label(method) + (f" ({'; '.join(more)})" if more else "")


def _more(method: MethodConfig) -> dict[str, Any]:
    """The settings that are not their defaults, except the method's own number."""
    default, knob = type(method)(), knob_of(method.method)
    own = knob[1] if knob else None
    return {name: value for name, value in method if name != own and value != getattr(default, name)}
