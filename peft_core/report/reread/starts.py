"""How far from 0 the report's layers start, and ours. No torch here: uniform between −bound and +bound.

kaiming_uniform_(weight, a)    bound = √(6 / ((1 + a²) · in))        He et al. 2015, with the gain of a leaky ReLU
nn.Linear's own weight         the same with a = √5: 1 / √in         and its bias likewise
"""

from dataclasses import dataclass
from math import sqrt

from peft_core.methods.method import MethodConfig
from peft_core.report.quoted import BASE, quoted_rows
from peft_core.t5.architecture import base_model


@dataclass(frozen=True)
class Start:
    """A matrix (out, in) in the report's code and in ours, each uniform up to its bound."""

    name: str
    shape: tuple[int, int]
    report: float
    ours: float


def kaiming_bound(fan_in: int, a: float) -> float:
    """The bound of torch's `kaiming_uniform_` for a matrix with `fan_in` columns."""
    return sqrt(6 / ((1 + a * a) * fan_in))


def starts() -> tuple[Start, ...]:
    """LoRA's A and the adapter's way up, of the report's own code on its base model."""
    d = base_model(BASE).architecture.d_model
    rank, bottleneck = (_own(key) for key in ("lora-8-own", "adapter-8-own"))
    r, m = rank.r, bottleneck.bottleneck_dim
    return (
        Start("lora_a", (r, d), kaiming_bound(d, 0.0), kaiming_bound(d, sqrt(5))),
        Start("adapter_up", (d, m), kaiming_bound(m, sqrt(5)), 0.0),
    )


def _own(key: str) -> MethodConfig:
    return next(row.method for row in quoted_rows() if row.key == key)
