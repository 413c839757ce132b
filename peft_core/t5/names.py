"""The names of a T5's modules in Transformers, taken apart and put together: the one place that knows them. No torch.

    encoder.block.0.layer.0.SelfAttention.q     stack, block, sub-layer, module in it, matrix

The decoder's sub-layers are self-attention, cross-attention and feed-forward, the encoder's lack the second.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from peft_core.t5.architecture import Architecture

Stack = Literal["encoder", "decoder"]
Layer = Literal["self-attention", "cross-attention", "feed-forward"]
ATTENTION = ("q", "k", "v", "o")
STACKS: tuple[Stack, ...] = ("encoder", "decoder")
SCORES = ("q", "k", "relative_attention_bias")  # of an attention: what makes the scores that its softmax reads
MODULES = (*ATTENTION, "wi", "wi_0", "wi_1", "wo")
KINDS: dict[str, Layer] = {
    "SelfAttention": "self-attention",
    "EncDecAttention": "cross-attention",
    "DenseReluDense": "feed-forward",
}
INNER = {layer: module for module, layer in KINDS.items()}  # the module inside a sub-layer of each kind
LAYERS: tuple[Layer, ...] = tuple(INNER)
SUBLAYERS: dict[str, tuple[Layer, ...]] = {"encoder": (LAYERS[0], LAYERS[2]), "decoder": LAYERS}
_SUBLAYER = re.compile(r"\b(encoder|decoder)\.block\.(\d+)\.layer\.(\d+)\.(.+)")


@dataclass(frozen=True)
class Place:
    """A module of the model. `name` is its dotted name, the rest are the words for it."""

    name: str  # "encoder.block.0.layer.0.SelfAttention.q"
    stack: Stack
    block: int  # from 0
    layer: Layer
    module: str = ""  # "q", "wi_0", …; empty where the method sits on the whole sub-layer

    @property
    def reads_review(self) -> bool:
        """Whether it sees one row for each token of the review. The decoder sees its start token alone."""
        return self.stack == "encoder" or (self.layer == "cross-attention" and self.module in ("k", "v"))

    @property
    def key(self) -> str:
        """The place in links and files, as in "decoder.1.cross_attention.q"."""
        return f"{self.sublayer_key}.{self.module}"

    @property
    def sublayer_key(self) -> str:
        """The same without the matrix, as in "decoder.1.cross_attention"."""
        return f"{self.stack}.{self.block}.{self.layer.replace('-', '_')}"

    @property
    def order(self) -> tuple[int, int, int, int]:
        """Sort key of matrices: encoder before decoder, block by block, in the order in which a block computes."""
        return STACKS.index(self.stack), self.block, LAYERS.index(self.layer), MODULES.index(self.module)


def matrix(stack: Stack, block: int, layer: Layer, module: str) -> Place:
    """The place of a weight matrix."""
    number = SUBLAYERS[stack].index(layer)
    return Place(f"{stack}.block.{block}.layer.{number}.{INNER[layer]}.{module}", stack, block, layer, module)


def in_sublayer(dotted: str) -> tuple[Stack, int, Layer, str] | None:
    """(stack, block, kind of sub-layer, name inside it) of whatever lies in a block; None for all else.

    encoder.block.0.layer.1.DenseReluDense.wi.lora_A    ("encoder", 0, "feed-forward", "DenseReluDense.wi.lora_A")
    """
    found = _SUBLAYER.search(dotted)
    if not found:
        return None
    stack, block, number, inside = found.groups()
    return stack, int(block), SUBLAYERS[stack][int(number)], inside


def matrix_of(dotted: str) -> Place | None:
    """The place of a T5's module; None if it is no linear layer of a block (an embedding, the output layer)."""
    found = in_sublayer(dotted)
    if not found:
        return None
    stack, block, layer, inside = found
    place = matrix(stack, block, layer, inside.rpartition(".")[2])
    return place if place.name == dotted and place.module in MODULES else None


def idle_in_one_step(dotted: str) -> bool:
    """Whether a parameter of this name can never get a gradient while the decoder reads one token alone.

    Its self-attention then has one key. A softmax over one score is 1 whatever the score is, so what only makes scores
    (q, k and the position bias, or what a method adds to them) has no say in the answer: its gradient is exactly zero.
    """
    found = in_sublayer(dotted)
    if not found or found[:1] != ("decoder",) or found[2] != "self-attention":
        return False
    module, _, rest = found[3].partition(".")
    return module == INNER["self-attention"] and rest.partition(".")[0] in SCORES


def sublayers(architecture: Architecture) -> Iterator[tuple[str, Stack, int, Layer]]:
    """(dotted name of the sub-layer, stack, block, kind), in the order of the forward pass."""
    for stack, blocks in (("encoder", architecture.encoder_layers), ("decoder", architecture.decoder_layers)):
        for block in range(blocks):
            for number, layer in enumerate(SUBLAYERS[stack]):
                yield f"{stack}.block.{block}.layer.{number}", stack, block, layer


def feed_forward(gated: bool) -> tuple[str, ...]:
    """The names of the matrices of a feed-forward layer."""
    return ("wi_0", "wi_1", "wo") if gated else ("wi", "wo")


def matrices(architecture: Architecture, wanted: tuple[str, ...] = (*ATTENTION, "wi", "wo")) -> Iterator[Place]:
    """The weight matrices with these names in the order of the forward pass; "wi" also means wi_0 and wi_1."""
    for _, stack, block, layer in sublayers(architecture):
        for module in feed_forward(architecture.gated) if layer == "feed-forward" else ATTENTION:
            if module.split("_")[0] in wanted:
                yield matrix(stack, block, layer, module)
