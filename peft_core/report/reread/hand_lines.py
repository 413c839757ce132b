"""The report's hand calculations as its scan was transcribed, and the right lines beside them. No torch here.

The transcription garbles handwriting: its lines do not give the numbers of the report's own table, which are right.
What a line says is worked out here from what stands on it; the right lines come from T5-small's shapes.
"""

from dataclasses import dataclass
from math import prod
from typing import Literal

from peft_core.counting.by_hand import count
from peft_core.methods.method import MethodConfig
from peft_core.report.quoted import BASE, quoted_rows
from peft_core.t5.architecture import Architecture, base_model

Factor = int | tuple[int, int]  # a pair is a sum in brackets
Product = tuple[Factor, ...]
Fault = Literal["slip", "inherited", "none"]
FAULTS: tuple[Fault, ...] = ("slip", "inherited", "none")


@dataclass(frozen=True)
class Sum:
    """A sum of products, and the number that is written behind it."""

    products: tuple[Product, ...]
    written: int

    @property
    def value(self) -> int:
        """What the products add up to."""
        return sum(prod(sum(f) if isinstance(f, tuple) else f for f in product) for product in self.products)

    @property
    def text(self) -> str:
        """As on paper: "(512 + 1) · 8 + (8 + 1) · 512"."""
        return " + ".join(" · ".join(_factor(f) for f in product) for product in self.products)


def _factor(factor: Factor) -> str:
    return f"({factor[0]:,} + {factor[1]:,})" if isinstance(factor, tuple) else f"{factor:,}"


@dataclass(frozen=True)
class HandLine:
    """One line: as transcribed (quoted), and as the shapes have it."""

    name: str
    quoted: Sum
    right: Sum

    @property
    def fault(self) -> Fault:
        """ "slip": the line does not add up. "inherited": it does, but it starts from a number that is wrong."""
        if self.quoted.value != self.quoted.written:
            return "slip"
        return "none" if self.quoted.written == self.right.written else "inherited"


@dataclass(frozen=True)
class Calculation:
    """The lines that lead to what a row trains. `total`: that by hand; `printed`: the number in the report's table."""

    name: str
    method: MethodConfig
    lines: tuple[HandLine, ...]
    total: int
    printed: int


def calculations() -> tuple[Calculation, ...]:
    """The two that were transcribed: the adapter of the report's own code, and LoRA of rank 8."""
    shape = base_model(BASE).architecture
    rows = {row.key: row for row in quoted_rows()}
    found = []
    for name, key, lines in (("adapter", "adapter-8-own", _adapter), ("lora", "lora-8-own", _lora)):
        row = rows[key]
        total = count(shape, row.method).trainable_parameters
        found.append(Calculation(name, row.method, lines(shape, row.method), total, row.trainable_parameters))
    return tuple(found)


def _adapter(shape: Architecture, method: MethodConfig) -> tuple[HandLine, ...]:
    d, m, blocks = shape.d_model, method.bottleneck_dim, shape.blocks
    one = (d + 1) * m + (m + 1) * d
    return (
        HandLine("one_adapter", Sum((((212, 1), 1), ((1, 1), 212)), 1_712), Sum((((d, 1), m), ((m, 1), d)), one)),
        HandLine("all_adapters", Sum(((1_712, 12),), 20_544), Sum(((one, blocks),), one * blocks)),
    )


def _lora(shape: Architecture, method: MethodConfig) -> tuple[HandLine, ...]:
    """q and v: two matrices in every encoder block, and four in every decoder block, which has two attentions."""
    one, of_encoder, of_decoder = (
        method.r * (shape.d_model + shape.inner_dim),
        shape.encoder_layers,
        shape.decoder_layers,
    )
    encoder, decoder = one * 2 * of_encoder, one * 4 * of_decoder
    return (
        HandLine("encoder", Sum(((1_192, 2, 4),), 9_136), Sum(((one, 2, of_encoder),), encoder)),
        HandLine("decoder", Sum(((1_192, 4, 4),), 19_440), Sum(((one, 4, of_decoder),), decoder)),
        HandLine("sum", Sum(((9_136,), (19_440,)), 28_576), Sum(((encoder,), (decoder,)), encoder + decoder)),
    )
