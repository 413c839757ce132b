"""The settings of several runs beside one another, and only those that differ. No torch here."""

from collections.abc import Iterable, Sequence
from typing import Any

from peft_core.checkpoints.record import RunRecord
from peft_core.config import RunConfig

ABSENT = None  # the method has no such setting


def settings(record: RunRecord) -> dict[str, Any]:
    """Everything that was chosen, by the name of the field: base, method, its options, data, training.

    The learning rate is the one that was used, also where the configuration left it to the method's default.
    """
    config: RunConfig = record.config
    parts = {"base": config.base, **dict(config.method), **dict(config.data), **dict(config.train)}
    return parts | {"learning_rate": record.learning_rate}


def differences(records: Sequence[RunRecord]) -> dict[str, tuple[Any, ...]]:
    """Setting → its value in each record, for those that are not the same in all. `ABSENT`: no such setting there."""
    every = [settings(record) for record in records]
    names = dict.fromkeys(name for one in every for name in one)
    rows = {name: tuple(one.get(name, ABSENT) for one in every) for name in names}
    return {name: values for name, values in rows.items() if not _alike(values)}


def _alike(values: Iterable[Any]) -> bool:
    first, *rest = values
    return all(value == first for value in rest)
