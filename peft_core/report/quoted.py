"""What the report says, quoted: its table and its curves (`quotes/*.csv`). Nothing here was measured by this project.

Five notebooks fine-tune T5-small on IMDB, ten epochs each. As far as the numbers tell, every epoch was measured on the
25,000 test reviews (all 70 accuracies of the curves are whole numbers of them), and the table has the best one: each of
the seven rows with a curve does. LoRA's three rows have no curve. No torch here.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from peft_core.methods.registry import METHODS, MethodConfig, method_config, method_label, method_of
from peft_core.statistics.intervals import Accuracy, wilson

QUOTES = Path(__file__).parent / "quotes"
BASE = "t5-small"
TRAIN_REVIEWS = TEST_REVIEWS = 25_000
Implementation = Literal["own", "opendelta", "adapterhub", "library"]
IMPLEMENTATIONS: dict[Implementation, str] = {
    "own": "own code", "opendelta": "OpenDelta", "adapterhub": "AdapterHub", "library": "library",
}  # fmt: skip
# What every run of a method is taken to have. All is stated but where the report's own adapters sit: 104,544, that is
# 12 × 8,712, says one a block, as AdapterHub's Pfeiffer has it. A soft prompt's start and LoRA's alpha are left open.
STATED: dict[str, dict[str, Any]] = {
    "adapter": {"placement": "pfeiffer", "non_linearity": "relu"},
    "lora": {"target_modules": ("q", "v")},
}


@dataclass(frozen=True)
class QuotedEpoch:
    """One epoch of a curve: number (0, 1, …), mean training loss, accuracy on the 25,000 test reviews."""

    epoch: int
    train_loss: float
    accuracy: float


@dataclass(frozen=True)
class Quoted:
    """A row of the report's table. `method` has the settings it states, `percent` its accuracy as printed."""

    key: str
    notebook: int
    implementation: Implementation
    method: MethodConfig
    trainable_parameters: int
    total_parameters: int
    percent: str
    curve: tuple[QuotedEpoch, ...]

    @property
    def label(self) -> str:
        """Method and implementation, as in "LoRA r=8, own code"."""
        return f"{method_label(self.method)}, {IMPLEMENTATIONS[self.implementation]}"

    @property
    def correct(self) -> int:
        """Right answers among 25,000: those of the best epoch, or, where there is no curve, of the printed accuracy."""
        share = max((e.accuracy for e in self.curve), default=float(self.percent) / 100)
        return round(share * TEST_REVIEWS)

    @property
    def slack(self) -> int:
        """How many more or fewer right answers may be printed alike; 0 where a curve is exact.

        One unit of the last printed digit: the report rounds some accuracies and cuts others off (84.996 is 84.9).
        """
        decimals = len(self.percent.partition(".")[2])
        return 0 if self.curve else round(TEST_REVIEWS * 10.0 ** (-2 - decimals))

    @property
    def measured(self) -> Accuracy:
        """The accuracy with a 95% Wilson interval, which the report does not give."""
        return wilson(self.correct, TEST_REVIEWS)

    def matches(self, method: MethodConfig) -> bool:
        """Whether a configuration has everything that this row is taken to have."""
        return method.method == self.method.method and stated(method) == stated(self.method)


def stated(method: MethodConfig) -> dict[str, Any]:
    """The settings by which the report's rows of this method are known, with this configuration's values."""
    knob = method_of(method).knob
    names = ([knob.field] if knob else []) + list(STATED.get(method.method, {}))
    return {name: getattr(method, name) for name in names}


@cache
def quoted_rows() -> tuple[Quoted, ...]:
    """The report's ten rows, in its order."""
    curves: dict[tuple[str, str, str], list[QuotedEpoch]] = {}
    for line in _lines("curves.csv"):
        epoch = QuotedEpoch(int(line["epoch"]), float(line["train_loss"]), float(line["valid_accuracy"]))
        curves.setdefault((line["method"], line["implementation"], line["setting"]), []).append(epoch)
    rows = []
    for line in _lines("results.csv"):
        name, implementation, setting = line["method"], line["implementation"], line["setting"]
        assert name in METHODS and implementation in IMPLEMENTATIONS
        options = {line["setting_name"]: int(setting)} if setting else {}
        rows.append(
            Quoted(
                key="-".join(part for part in (name, setting, implementation) if part),
                notebook=int(line["notebook"]),
                implementation=implementation,  # type: ignore[arg-type]
                method=method_config(name, **options, **STATED.get(name, {})),
                trainable_parameters=int(line["trainable_parameters"]),
                total_parameters=int(line["total_parameters"]),
                percent=line["accuracy_percent"],
                curve=tuple(curves.get((name, implementation, setting), ())),
            )
        )
    return tuple(rows)


def _lines(name: str) -> list[dict[str, str]]:
    with (QUOTES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
