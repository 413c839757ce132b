"""Blocks of a T5 to scale, from top to bottom, with the adapters where a placement puts them.

All columns are equally wide, so heights, too, are numbers of weights. A parallel adapter has a column of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.content import label
from app.method.sheet import Block, Length, Sheet, Stroke, Words, px, w
from peft_core.t5.architecture import Architecture, BaseModel

HEADING, SIDE, BETWEEN = 26, 18, 22  # pixels over a column, left of it (the residual's line), between columns
ENTER, LEAVE, SUM = 20, 18, 24  # pixels before a sub-layer, after it, for a "+"
BEFORE, UNDER, END = 8, 22, 14  # pixels before an adapter on the sum, after any adapter, after the block
TWO_LINES = 36  # pixels a box must be high to have its number in it, too
STACKS = ("encoder", "decoder")
PARALLEL = "parallel"


@dataclass(frozen=True)
class SubLayer:
    """A frozen sub-layer of a block, and its matrices; layer norms (d weights each) are left out."""

    name: str
    matrices: int
    rows: int
    columns: int

    @property
    def numbers(self) -> int:
        return self.matrices * self.rows * self.columns


def sub_layers(architecture: Architecture, stack: str) -> list[SubLayer]:
    """The sub-layers of a block, in order."""
    a = architecture
    names = ("self-attention",) if stack == "encoder" else ("self-attention", "cross-attention")
    attentions = [SubLayer(name, 4, a.inner_dim, a.d_model) for name in names]
    return [*attentions, SubLayer("feed-forward", 3 if a.gated else 2, a.d_ff, a.d_model)]


def has_adapter(placement: str, name: str) -> bool:
    """Whether an adapter follows this sub-layer, or stands beside it."""
    return name == "feed-forward" or (name == "self-attention" and placement == "houlsby")


def adapter_numbers(d: int, m: int) -> int:
    """Numbers in W_down, b_down, W_up and b_up."""
    return 2 * d * m + m + d


def _height(architecture: Architecture, stack: str, m: int, placement: str) -> Length:
    """Of a block with its adapters: its weights, and the pixels of what lies between."""
    layers, one = sub_layers(architecture, stack), adapter_numbers(architecture.d_model, m)
    adapters = sum(has_adapter(placement, layer.name) for layer in layers)
    weights = sum(layer.numbers for layer in layers)
    if placement == PARALLEL:  # the adapter is as high as what it stands beside, or the other way round
        weights += max(0, one - layers[-1].numbers)
    else:
        weights += adapters * one
    pixels = HEADING + len(layers) * (ENTER + LEAVE + SUM) + adapters * UNDER + BEFORE + END
    return w(weights) + px(pixels)


class _Column:
    """Draws one block downwards; remembers how far it has come."""

    def __init__(self, x: Length, heading: str, per_pixel: float) -> None:
        self.x, self.y = x, px(HEADING)
        self.centre = x + w(0.5)
        self.per_pixel = per_pixel  # weights
        self.blocks: list[Block] = []
        self.words = [Words(heading, self.centre, px(8), "center", True, 16)]
        self.strokes: list[Stroke] = []

    def down(self, pixels: float, name: str = "", head: str = "") -> None:
        """The line to the next thing, with what flows there beside it."""
        end = self.y + px(pixels)
        self.strokes.append(Stroke(self.centre, self.y, self.centre, end + px(-3 if head else 0), head))
        if name:
            self.words.append(Words(name, self.centre + px(9), self.y + px(pixels / 2), bold=True, size=15))
        self.y = end

    def sub_layer(self, layer: SubLayer) -> None:
        """A frozen box with its name and, where there is room, its number of weights."""
        both = layer.numbers / self.per_pixel >= TWO_LINES
        middle = self.y + w(layer.numbers / 2)
        shape = f"{layer.matrices} × ({layer.rows:,} × {layer.columns:,})"
        self.blocks.append(Block(layer.name, shape, 1, layer.numbers, self.x, self.y, False))
        self.words.append(Words(layer.name, self.centre, middle + px(-9 if both else 0), "center"))
        if both:
            self.words.append(Words(f"{layer.numbers:,}", self.centre, middle + px(9), "center", size=14))
        self.y = self.y + w(layer.numbers)

    def adapter(self, name: str, d: int, m: int) -> None:
        """An adapter, its name below it."""
        numbers = adapter_numbers(d, m)
        self.blocks.append(Block(name, f"{m:,} × {d:,}, {d:,} × {m:,}", 1, numbers, self.x, self.y, True))
        self.y = self.y + w(numbers)
        self.down(UNDER, name)

    def plus(self, branch: Length) -> None:
        """Where x comes back: from `branch` round the left side."""
        side, middle = self.x + px(-10), self.y + px(SUM / 2)
        self.words.append(Words("+", self.centre, middle, "center", True, 20))
        self.strokes += [
            Stroke(self.centre, branch, side, branch),
            Stroke(side, branch, side, middle),
            Stroke(side, middle, self.centre + px(-9), middle, "right"),
        ]
        self.y = self.y + px(SUM)

    def beside(self, name: str, layer: SubLayer, d: int, m: int) -> None:
        """The frozen sub-layer, and in the next column an adapter that is given the same; its name below it."""
        numbers, start = adapter_numbers(d, m), self.y
        away = self.x + w(1) + px(BETWEEN)
        centre, fork = away + w(0.5), start + px(-ENTER / 2)
        self.blocks.append(Block(name, f"{m:,} × {d:,}, {d:,} × {m:,}", 1, numbers, away, start, True))
        self.words.append(Words(name, centre + px(9), start + w(numbers) + px(UNDER / 2), bold=True))
        self.sub_layer(layer)
        self.y = start + w(max(numbers, layer.numbers))
        sums = self.y + px(UNDER + LEAVE + SUM / 2)
        self.strokes += [
            Stroke(self.centre, fork, centre, fork),
            Stroke(centre, fork, centre, start + px(-3), "down"),
            Stroke(centre, start + w(numbers), centre, sums),
            Stroke(centre, sums, self.centre + px(9), sums),
        ]
        self.down(UNDER)


def sheet(base: BaseModel, m: int, placement: str, stacks: Sequence[str], pixels: int) -> Sheet:
    """A block of each of `stacks`, side by side; of a parallel adapter's picture, the adapter is a column, too."""
    a = base.architecture
    heights = {stack: _height(a, stack, m, placement) for stack in stacks}
    per_pixel = max(height.weights / (pixels - height.pixels) for height in heights.values())
    depth, columns = {"encoder": a.encoder_layers, "decoder": a.decoder_layers}, []
    for number, stack in enumerate(stacks):
        x = w(number) + px(SIDE + number * (SIDE + BETWEEN))
        column = _Column(x, label("picture", f"block_{stack}", blocks=depth[stack]), per_pixel)
        columns.append(_drawn(column, a, stack, m, placement))
    across = max(2, len(stacks))
    return Sheet(
        tuple(block for column in columns for block in column.blocks),
        tuple(words for column in columns for words in column.words),
        tuple(stroke for column in columns for stroke in column.strokes),
        (w(across) + px(across * SIDE + BETWEEN + 2),),
        tuple(heights.values()),
        pixels,
        one_scale=False,
    )


def _drawn(column: _Column, a: Architecture, stack: str, m: int, placement: str) -> _Column:
    for layer in sub_layers(a, stack):
        adapted = has_adapter(placement, layer.name)
        parallel = adapted and placement == PARALLEL
        branch = column.y + px(3 if parallel else 5)
        column.down(ENTER, "x" if adapted and not parallel else "", "down")
        if parallel:
            column.beside(label("method/adapter", "detour"), layer, a.d_model, m)
        else:
            column.sub_layer(layer)
        column.down(LEAVE, "f" if adapted else "")
        if adapted and placement == "houlsby":
            column.adapter("A(f)", a.d_model, m)
        column.plus(branch)
        if adapted and placement == "pfeiffer":
            column.down(BEFORE)
            column.adapter("A(x + f)", a.d_model, m)
    column.down(END, head="down")
    return column
