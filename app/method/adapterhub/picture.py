"""One encoder and one decoder block to scale, from top to bottom, with the adapters where the placement puts them.

All columns are equally wide, so heights, too, are numbers of weights. Then one adapter at a scale of its own.
"""

from dataclasses import dataclass

from app.content import label, text
from app.kit import theme
from app.method.adapter import bottleneck
from app.method.sheet import Block, Length, Sheet, Stroke, Words, px, show, w
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.t5.architecture import Architecture, BaseModel

PIXELS, ONE_PIXELS = 460, 240
HEADING, SIDE, BETWEEN = 26, 18, 22  # pixels over a column, left of it (the residual's line), between columns
ENTER, LEAVE, SUM = 20, 18, 24  # pixels before a sub-layer, after it, for a "+"
BEFORE, UNDER, END = 8, 22, 14  # pixels before an adapter on the sum, after any adapter, after the block
TWO_LINES = 36  # pixels a box must be high to have its number in it, too
STACKS = ("encoder", "decoder")


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


def has_adapter(config: AdapterConfig, name: str) -> bool:
    """Whether an adapter follows this sub-layer."""
    return name == "feed-forward" or (name == "self-attention" and config.placement == "houlsby")


def adapter_numbers(d: int, m: int) -> int:
    """Numbers in W_down, b_down, W_up and b_up."""
    return 2 * d * m + m + d


def _weights(architecture: Architecture, stack: str, config: AdapterConfig) -> int:
    """Weights of a block with its adapters."""
    layers = sub_layers(architecture, stack)
    adapters = sum(has_adapter(config, layer.name) for layer in layers)
    one = adapter_numbers(architecture.d_model, config.bottleneck_dim)
    return sum(layer.numbers for layer in layers) + adapters * one


def _pixels(architecture: Architecture, stack: str, config: AdapterConfig) -> int:
    """What a column takes besides its weights."""
    layers = sub_layers(architecture, stack)
    adapters = sum(has_adapter(config, layer.name) for layer in layers)
    return HEADING + len(layers) * (ENTER + LEAVE + SUM) + adapters * UNDER + BEFORE + END


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


def sheet(base: BaseModel, config: AdapterConfig) -> Sheet:
    """Both blocks side by side."""
    a, m = base.architecture, config.bottleneck_dim
    heights = {stack: w(_weights(a, stack, config)) + px(_pixels(a, stack, config)) for stack in STACKS}
    per_pixel = max(height.weights / (PIXELS - height.pixels) for height in heights.values())
    columns = []
    for number, (stack, blocks) in enumerate(zip(STACKS, (a.encoder_layers, a.decoder_layers), strict=True)):
        x = w(number) + px(SIDE + number * (SIDE + BETWEEN))
        column = _Column(x, label("picture", f"block_{stack}", blocks=blocks), per_pixel)
        for layer in sub_layers(a, stack):
            adapted = has_adapter(config, layer.name)
            branch = column.y + px(5)
            column.down(ENTER, "x" if adapted else "", "down")
            column.sub_layer(layer)
            column.down(LEAVE, "f" if adapted else "")
            if adapted and config.placement == "houlsby":
                column.adapter("A(f)", a.d_model, m)
            column.plus(branch)
            if adapted and config.placement == "pfeiffer":
                column.down(BEFORE)
                column.adapter("A(x + f)", a.d_model, m)
        column.down(END, head="down")
        columns.append(column)
    return Sheet(
        tuple(block for column in columns for block in column.blocks),
        tuple(words for column in columns for words in column.words),
        tuple(stroke for column in columns for stroke in column.strokes),
        (w(2) + px(2 * SIDE + BETWEEN + 2),),
        tuple(heights.values()),
        PIXELS,
        one_scale=False,
    )


def one_sheet(base: BaseModel, config: AdapterConfig) -> Sheet:
    """A single adapter, larger."""
    flow = bottleneck.flow(base.architecture.d_model, config, Length(), Length())
    return Sheet(flow.blocks, flow.words, flow.strokes, flow.widths, (flow.height,), ONE_PIXELS)


def draw(base: BaseModel, config: AdapterConfig) -> None:
    """Where the adapters sit, and what one of them is."""
    a, d, m = base.architecture, base.architecture.d_model, config.bottleneck_dim
    one, colour = adapter_numbers(d, m), theme.METHOD["adapter"].colour
    inside = {s: ", ".join(f"{layer.name} {layer.numbers:,}" for layer in sub_layers(a, s)) for s in STACKS}
    where = label("method/adapterhub", f"where_{config.placement}")
    alt_text = label("method/adapterhub", "picture_alt", where=where, one=one, **inside)
    share = f"{100 * one / sub_layers(a, 'encoder')[-1].numbers:.2g}%"
    show(
        sheet(base, config), colour, "hub_picture", alt_text, text("method/adapterhub", "picture", one=one, share=share)
    )
    number = a.blocks * (2 if config.placement == "houlsby" else 1)
    alt_text = label("method/adapterhub", "picture_one_alt", d=d, m=m, act=config.non_linearity)
    caption = text("method/adapterhub", "picture_one", number=number, d=d, m=m)
    show(one_sheet(base, config), colour, "hub_one_picture", alt_text, caption)
