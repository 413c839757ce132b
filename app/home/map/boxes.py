"""What stands on the map: every module of a T5 that holds parameters, and what a method plugs in where.

From shapes and names alone, so it is there before torch is. A test holds it against the real model's `named_modules`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from peft_core.counting.by_hand import count
from peft_core.methods.method import CountLine, MethodConfig
from peft_core.methods.places import places
from peft_core.methods.registry import METHODS, method_config
from peft_core.t5.architecture import Architecture
from peft_core.t5.names import MODULES, STACKS, SUBLAYERS, Layer, Place, Stack, feed_forward, matrix
from peft_core.t5.parts import Part, part_of

ALL, ENDS = 4, 2  # so many blocks are drawn each by itself; of more the first and the last, those between as one
NORM, BIAS, FINAL = "layer_norm", "relative_attention_bias", "final_layer_norm"
EMBEDDING, OUTPUT = "shared", "lm_head"


@dataclass(frozen=True)
class Box:
    """A module of the base model: its dotted name, where it is, its parameters."""

    name: str
    numbers: int
    module: str  # "q", "wi", "layer_norm", …
    stack: Stack | None = None
    block: int = 0
    layer: Layer | None = None  # None: the stack's own, or the model's

    @property
    def part(self) -> Part:
        """What its parameters are counted by."""
        return part_of(self.name)


@dataclass(frozen=True)
class Column:
    """Blocks that are drawn as one: a single one, or alike neighbours."""

    first: int
    last: int


def columns(blocks: int) -> list[Column]:
    """The blocks of a stack as they are drawn."""
    if blocks <= ALL:
        return [Column(number, number) for number in range(blocks)]
    return [Column(0, 0), Column(1, blocks - ENDS), Column(blocks - 1, blocks - 1)]


def boxes(a: Architecture) -> Iterator[Box]:
    """Every module with parameters of its own, in the order of the forward pass."""
    yield Box(EMBEDDING, a.vocab_size * a.d_model, EMBEDDING)
    for stack, blocks in zip(STACKS, (a.encoder_layers, a.decoder_layers), strict=True):
        for block in range(blocks):
            for number, layer in enumerate(SUBLAYERS[stack]):
                where = {"stack": stack, "block": block, "layer": layer}
                yield Box(f"{stack}.block.{block}.layer.{number}.{NORM}", a.d_model, NORM, **where)
                attends = layer != "feed-forward"
                inner = a.inner_dim if attends else a.d_ff
                for module in ("q", "k", "v", "o") if attends else feed_forward(a.gated):
                    yield Box(matrix(stack, block, layer, module).name, a.d_model * inner, module, **where)
                if layer == "self-attention" and block == 0:
                    bias = matrix(stack, block, layer, BIAS).name
                    yield Box(bias, a.relative_attention_num_buckets * a.num_heads, BIAS, **where)
        yield Box(f"{stack}.{FINAL}", a.d_model, FINAL, stack)
    yield Box(OUTPUT, 0 if a.tied else a.vocab_size * a.d_model, OUTPUT)


@dataclass(frozen=True)
class Plug:
    """One method on the map, with the settings that its page begins with."""

    method: str
    config: MethodConfig
    lines: tuple[CountLine, ...]
    places: tuple[Place, ...]
    owns: bool  # it trains the base's own weights

    @property
    def in_front(self) -> bool:
        """Whether it stands in front of the input, and its places only show where that is read."""
        return all(line.part.kind == "input" for line in self.lines)

    def at(self, box: Box) -> Place | None:
        """Where to step through if `box` is chosen and this method changes it; None: it does not."""
        if self.owns:
            return self.nearest(box)
        if found := next((place for place in self.places if place.name == box.name and not self.in_front), None):
            return found
        outside = box.layer is None and any(line.part == box.part for line in self.lines)  # a norm behind a stack
        return self.nearest(box) if outside else None

    def own(self, stack: Stack, block: int, layer: Layer) -> Place | None:
        """What it adds to this sub-layer beside the base's matrices and norms, if anything."""
        if self.in_front:
            return None
        here = (place for place in self.places if (place.stack, place.block, place.layer) == (stack, block, layer))
        return next((place for place in here if place.module not in MODULES and not place.name.endswith(NORM)), None)

    def nearest(self, box: Box) -> Place:
        """The place itself, or what is looked at for a box that is none: in its sub-layer, its stack, or at an end."""
        here = [place for place in self.places if place.name == box.name]
        if box.layer:
            here += [p for p in self.places if (p.stack, p.block, p.layer) == (box.stack, box.block, box.layer)]
        elif box.stack:  # behind its last block
            here += [place for place in reversed(self.places) if place.stack == box.stack]
        return next(iter(here), self.places[0 if box.name == EMBEDDING else -1])


def plugs(a: Architecture) -> Mapping[str, Plug]:
    """Every method that there is, by name: a folder more is a switch more."""
    found = {}
    for name, method in METHODS.items():
        config = method_config(name)
        lines = count(a, config).lines
        found[name] = Plug(name, config, lines, places(a, config), method.owns_weights)
    return found
