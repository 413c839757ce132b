"""Where a method can be looked at: the modules it touches, by their names in Transformers' T5. No torch here."""

from collections.abc import Iterator
from dataclasses import dataclass

from peft_core.t5.architecture import Architecture

ATTENTION = ("q", "k", "v", "o")
KINDS = {"SelfAttention": "self-attention", "EncDecAttention": "cross-attention", "DenseReluDense": "feed-forward"}


@dataclass(frozen=True)
class Place:
    """A module of the model. `name` is its dotted name, the rest are the words for it."""

    name: str  # "encoder.block.0.layer.0.SelfAttention.q"
    stack: str  # "encoder" or "decoder"
    block: int  # from 0
    layer: str  # "self-attention", "cross-attention" or "feed-forward"
    module: str = ""  # "q", "wi_0", …; empty where the method sits on the whole sub-layer

    @property
    def reads_review(self) -> bool:
        """Whether it sees one row for each token of the review. The decoder sees its start token alone."""
        return self.stack == "encoder" or (self.layer == "cross-attention" and self.module in ("k", "v"))


def sublayers(architecture: Architecture) -> Iterator[tuple[str, str, int, str]]:
    """(dotted name of the sub-layer, stack, block, name of the module inside it), in the order of the forward pass."""
    stacks = (
        ("encoder", architecture.encoder_layers, ("SelfAttention", "DenseReluDense")),
        ("decoder", architecture.decoder_layers, ("SelfAttention", "EncDecAttention", "DenseReluDense")),
    )
    for stack, blocks, inner in stacks:
        for block in range(blocks):
            for position, module in enumerate(inner):
                yield f"{stack}.block.{block}.layer.{position}", stack, block, module


def matrices(architecture: Architecture, wanted: tuple[str, ...] = (*ATTENTION, "wi", "wo")) -> Iterator[Place]:
    """The weight matrices with these names in the order of the forward pass; "wi" also means wi_0 and wi_1."""
    wide = ("wi_0", "wi_1", "wo") if architecture.gated else ("wi", "wo")
    for name, stack, block, inner in sublayers(architecture):
        for module in wide if inner == "DenseReluDense" else ATTENTION:
            if module.split("_")[0] in wanted:
                yield Place(f"{name}.{inner}.{module}", stack, block, KINDS[inner], module)
