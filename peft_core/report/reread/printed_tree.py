"""What the module tree that OpenDelta prints in the report would add up to. No torch here.

Quoted of that tree: its embedding has 34,136 rows, and its decoder shows no cross-attention. Quoted of the report's
table: T5-small has 60,506,624 parameters. The two do not fit one another, which shapes alone can tell.
"""

from dataclasses import dataclass, replace

from peft_core.counting.by_hand import base_lines
from peft_core.report.quoted import BASE, quoted_rows
from peft_core.t5.architecture import Architecture, base_model
from peft_core.t5.parts import Part

PRINTED_TOKENS = 34_136  # quoted: rows of the embedding in the printed tree


@dataclass(frozen=True)
class TreeSums:
    """Sums over T5-small, worked out from its shapes, beside the total that the report prints."""

    total: int
    tokens: int
    printed_total: int
    total_with_printed_tokens: int
    tokens_that_fit: float
    cross_attention: int
    cross_attention_norms: int

    @property
    def without_cross_attention(self) -> int:
        """What a T5 with a decoder as printed would have."""
        return self.total - self.cross_attention - self.cross_attention_norms

    @property
    def too_many(self) -> int:
        """Numbers in the rows of the printed embedding that the model does not have."""
        return self.total_with_printed_tokens - self.total


def tree_sums() -> TreeSums:
    """The sums for the report's base model."""
    architecture = base_model(BASE).architecture
    total = _total(architecture)
    printed = next(row.total_parameters for row in quoted_rows() if row.method.method == "full")
    others = total - architecture.vocab_size * architecture.d_model
    lines = {line.part: line.value for line in base_lines(architecture)}
    return TreeSums(
        total=total,
        tokens=architecture.vocab_size,
        printed_total=printed,
        total_with_printed_tokens=_total(replace(architecture, vocab_size=PRINTED_TOKENS)),
        tokens_that_fit=(printed - others) / architecture.d_model,
        cross_attention=lines[Part("cross-attention", "decoder")],
        cross_attention_norms=architecture.decoder_layers * architecture.d_model,
    )


def _total(architecture: Architecture) -> int:
    return sum(line.value for line in base_lines(architecture))
