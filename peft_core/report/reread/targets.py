"""Which matrices LoRA stands at, at one and the same number of trained parameters. No torch here.

The report takes q and v; its course's slides, it notes, say q and k. The count cannot tell them apart, the paper can.
"""

from dataclasses import dataclass

from peft_core.counting.by_hand import count
from peft_core.methods.lora.method import LoraConfig
from peft_core.report.quoted import BASE, Quoted, quoted_rows
from peft_core.t5.architecture import base_model

ROW = "lora-8-own"
# Quoted: Hu et al. 2021, table 5, in %: WikiSQL (± 0.5) and MultiNLI (± 0.1), GPT-3 with 18 million trained numbers.
TABLE_5 = {
    ("q", "k"): ("71.4", "91.3"),
    ("q", "v"): ("73.7", "91.3"),
    ("v",): ("73.0", "91.0"),
    ("q", "k", "v", "o"): ("73.7", "91.7"),
}


@dataclass(frozen=True)
class Choice:
    """Matrices, the rank that trains as many numbers as the report's row, that by hand, and the paper's result."""

    targets: tuple[str, ...]
    r: int
    trainable: int
    wikisql: str
    multinli: str


def quoted_row() -> Quoted:
    """The report's row of LoRA in its own code."""
    return next(row for row in quoted_rows() if row.key == ROW)


def choices() -> tuple[Choice, ...]:
    """The choices of the paper's table that the slides, the report and others make, on the report's base model."""
    method, shape = quoted_row().method, base_model(BASE).architecture
    budget = method.r * len(method.target_modules)
    found = []
    for targets, (wikisql, multinli) in TABLE_5.items():
        r = budget // len(targets)
        trainable = count(shape, LoraConfig(r=r, target_modules=targets)).trainable_parameters
        found.append(Choice(targets, r, trainable, wikisql, multinli))
    return tuple(found)
