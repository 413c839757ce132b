"""Parameter counts worked out by hand, line by line, from shapes alone. No torch, no model.

    linear layer without bias    in · out

What a method adds stands in its own folder (`Method.added`).

`by_numel.py` counts the same things by `numel()` over a real model. The two share no code: that is what makes the tick
on the screen mean something.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from peft_core.methods.method import CountLine, MethodConfig, blocks
from peft_core.methods.registry import method_of
from peft_core.t5.architecture import Architecture
from peft_core.t5.names import SUBLAYERS
from peft_core.t5.parts import Part


@dataclass(frozen=True)
class Count:
    """A hand calculation: its lines add up to `trainable_parameters`."""

    lines: tuple[CountLine, ...]
    trainable_parameters: int
    total_parameters: int

    @property
    def trainable_fraction(self) -> float:
        """trainable / total, the added parameters included in the total, as in Hugging Face peft."""
        return self.trainable_parameters / self.total_parameters


def count(architecture: Architecture, config: MethodConfig) -> Count:
    """Trainable and total parameters of `config` on a T5 of these shapes."""
    method = method_of(config)
    of_base, added = list(base_lines(architecture)), list(method.added(architecture, config))
    lines = [*of_base, *added] if method.owns_weights else added
    return Count(tuple(lines), _sum(lines), _sum(of_base) + _sum(added))


def _sum(lines: list[CountLine]) -> int:
    return sum(line.value for line in lines)


def base_lines(architecture: Architecture) -> Iterator[CountLine]:
    """Every weight of a T5 (Raffel et al. 2020, section 2.1; gated feed-forward: Shazeer 2020). No layer has a bias."""
    a = architecture
    names = "wi_0, wi_1, wo" if a.gated else "wi, wo"
    matrices = 3 if a.gated else 2
    attention = f"4 (q, k, v, o) × {a.d_model:,}·{a.inner_dim:,}", 4 * a.d_model * a.inner_dim
    feed_forward = f"{matrices} ({names}) × {a.d_model:,}·{a.d_ff:,}", matrices * a.d_model * a.d_ff
    buckets = a.relative_attention_num_buckets
    table = f"{a.vocab_size:,} tokens × {a.d_model:,}", a.vocab_size * a.d_model
    yield CountLine(Part("embedding", alone=not a.tied), *table)
    for stack, number in (("encoder", a.encoder_layers), ("decoder", a.decoder_layers)):
        written = blocks(number)
        for kind in SUBLAYERS[stack]:
            product, value = feed_forward if kind == "feed-forward" else attention
            yield CountLine(Part(kind, stack), f"{written} × {product}", number * value)
        norms = len(SUBLAYERS[stack])
        product = f"({written} × {norms} + 1 final) × {a.d_model:,}"
        yield CountLine(Part("layer-norms", stack), product, (number * norms + 1) * a.d_model)
        product = f"{buckets} buckets × {a.num_heads} heads"
        yield CountLine(Part("position-bias", stack), product, buckets * a.num_heads)
    if not a.tied:
        yield CountLine(Part("output"), *table)
