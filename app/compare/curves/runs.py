"""What is known of how a run learned: every step of those made here, the validations of those that were shipped."""

from dataclasses import dataclass

import pandas as pd

from app import services
from app.kit import theme
from app.kit.asking import verdicts
from peft_core.checkpoints.listing import CheckpointInfo
from peft_core.checkpoints.record import RunRecord
from peft_core.errors import PeftClassroomError
from peft_core.statistics.intervals import wilson

LOSS = ["step", "epoch", "seconds", "loss"]
ACCURACY = ["step", "epoch", "seconds", "accuracy", "low", "high"]


@dataclass(frozen=True)
class Curve:
    """One run. `loss` has a row a step, `accuracy` a row a validation; seconds are missing where none were stored."""

    name: str
    title: str
    method: str
    record: RunRecord
    loss: pd.DataFrame
    accuracy: pd.DataFrame

    @property
    def style(self) -> theme.Style:
        return theme.METHOD[self.method]


def known() -> dict[str, CheckpointInfo]:
    """Every checkpoint by its name."""
    return {info.name: info for info in services.checkpoints()}


def curve(info: CheckpointInfo) -> Curve:
    """From the lines that the run wrote; without them, from its record."""
    title = verdicts.titles(services.checkpoints())[info.name]
    try:
        metrics = services.backend().store.metrics(info.name)
    except PeftClassroomError:  # the name of a shipped checkpoint, or of a folder, is no run's
        metrics = []
    steps = [m for m in metrics if m["event"] == "step"]
    validations = [m for m in metrics if m["event"] == "validation"]
    loss = pd.DataFrame([(m["step"], m["epoch"], m["seconds"], m["train_loss"]) for m in steps], columns=LOSS)
    rows = [(m["step"], m["epoch"], m["seconds"], m["accuracy"], m["low"], m["high"]) for m in validations]
    accuracy = pd.DataFrame(rows, columns=ACCURACY) if rows else _validations(info.record)
    return Curve(info.name, title, info.method, info.record, loss, accuracy)


def _validations(record: RunRecord) -> pd.DataFrame:
    """The record has steps and accuracies; of the times, only the first and the last are known."""
    an_epoch = -(-record.split_sizes["train"] // record.config.train.batch_size)
    times = {0: 0.0, record.steps: record.seconds}
    rows = []
    for step, share in record.validations:
        n = record.validation.n
        interval = wilson(round(share * n), n)
        rows.append((step, step / an_epoch, times.get(step), share, interval.low, interval.high))
    return pd.DataFrame(rows, columns=ACCURACY)
