"""The whole model as a map: the area of a part is its number of weights, and every part is solid."""

import math
from dataclasses import dataclass

from app.content import label, text
from app.kit import present, theme
from app.method.sheet import Block, Length, Picture, Sheet, Words, px, w
from peft_core.counting.by_hand import base_lines, count
from peft_core.methods.full.method import FullConfig
from peft_core.methods.registry import METHODS, method_label
from peft_core.t5.architecture import Architecture, BaseModel

MAP = 372  # pixels of the map, its headings with it; the other methods come below
PRESENTED = 240  # pixels of the map in presenter mode, where the others are left to their own pages
HEADING = 24  # pixels for "encoder" and "decoder"; for the other methods, too
ROW = 44  # pixels of a row of other methods: a name and a number under it
GAP = 4  # pixels between parts
BOLD, PLAIN = 15, 14  # pixels of the letters of a name and of its number
TWO_LINES, ONE_LINE = 36, 18  # pixels a part must be high to have its words inside
NARROW = 340  # pixels of the map on a phone
USUAL_WIDTH = 500  # pixels; only for the shape of the small blocks, never for their area
STACKS = ("encoder", "decoder")
BESIDE = 8  # pixels from a small block to its name, and from there to the next block
SMALL = ("layer-norms", "position-bias")


@dataclass(frozen=True)
class Area:
    """A part of the map: the stack it belongs to (none for embedding and output layer), its product and its weights."""

    stack: str
    name: str
    product: str
    numbers: int

    @property
    def full_name(self) -> str:
        return f"{self.stack} {self.name}".strip()


def areas(architecture: Architecture) -> list[Area]:
    """The lines of the hand calculation; what is tiny (layer norms, position bias) is one area a stack."""
    found, small = [], {stack: [] for stack in STACKS}
    for line in base_lines(architecture):
        part = line.part
        if part.kind in SMALL:
            small[part.stack].append(line)
        else:
            name = label("parts", part.kind) if part.stack else label("picture", part.kind)
            found.append(Area(part.stack, name, line.product, line.value))
    for stack, lines in small.items():
        product, numbers = " + ".join(line.product for line in lines), sum(line.value for line in lines)
        found.append(Area(stack, label("picture", "small_parts"), product, numbers))
    return found


def _share(numbers: int, total: int) -> str:
    percent = 100 * numbers / total
    return f"{percent:.1f}%" if percent >= 1 else f"{percent:.2g}%"


def _fitting(words: str, size: int, width: float) -> int:
    """The font size, smaller where the words would leave a part of this width (of the whole map: 1) on a phone."""
    return min(size, int(width * NARROW / _long(words, 1)))


def _long(words: str, size: int) -> float:
    """Pixels of the words: a letter is about half as wide as its font is high."""
    return 0.5 * size * len(words)


def sheet(base: BaseModel) -> tuple[Sheet, list[Area]]:
    """The map, and the parts too thin to have their words in it.

    The map is 1 wide: a part over the whole width is as high as its number of weights.
    """
    everything = areas(base.architecture)
    embedding, *output = [part for part in everything if not part.stack]
    total = sum(part.numbers for part in everything)
    stacks = {stack: [part for part in everything if part.stack == stack] for stack in STACKS}
    gaps = GAP * max(len(inside) for inside in stacks.values())
    pixels = HEADING + gaps + GAP * (1 + len(output))
    presented = present.on()
    per_pixel = total / ((PRESENTED if presented else MAP) - pixels)
    blocks, words, thin = [], [], []

    def place(part: Area, width: float, x: Length, y: Length) -> Length:
        height = part.numbers / width
        blocks.append(Block(part.full_name, part.product, width, height, x, y, True))
        centre, middle, room = x + w(width / 2), y + w(height / 2), height / per_pixel
        if room < ONE_LINE:
            thin.append(part)
        else:
            both = room >= TWO_LINES
            values = f"{part.numbers:,} · {_share(part.numbers, total)}"
            size, small = _fitting(part.name, 15, width), _fitting(values, 13, width)
            words.append(Words(part.name, centre, middle + px(-8 if both else 0), "center", True, size, _on_solid()))
            if both:
                words.append(Words(values, centre, middle + px(9), "center", False, small, _on_solid()))
        return y + w(height) + px(GAP)

    top = place(embedding, 1, Length(), Length())
    sizes = {stack: sum(part.numbers for part in inside) for stack, inside in stacks.items()}
    left = Length()
    for stack, inside in stacks.items():
        width = sizes[stack] / sum(sizes.values())
        heading = label("picture", f"stack_{stack}")
        words.append(Words(heading, left + w(width / 2), top + px(HEADING / 2 - 2), "center"))
        y = top + px(HEADING)
        for part in inside:
            y = place(part, width, left, y)
        left = left + w(width) + px(GAP)
    for part in output:  # under both stacks, which are as high as their weights and the gaps of the longer one
        place(part, 1, Length(), top + w(sum(sizes.values())) + px(HEADING + gaps))
    foot = w(total) + px(pixels)
    if presented:
        return Sheet(tuple(blocks), tuple(words), (), (w(1) + px(GAP),), (foot,), PRESENTED, False), thin
    words.append(Words(label("picture", "other_methods"), Length(), foot + px(HEADING / 2)))
    small, names, bottom = _beside(base, per_pixel, foot + px(HEADING))
    drawn = (*blocks, *small), (*words, *names), (), (w(1) + px(GAP),), (bottom,)
    return Sheet(*drawn, round(bottom.weights / per_pixel + bottom.pixels), False), thin


def _beside(base: BaseModel, per_pixel: float, top: Length) -> tuple[list[Block], list[Words], Length]:
    """The other methods in rows below `top`: a small block, a name and a number each; and where the last row ends."""
    blocks, words, y = [], [], top
    rows = [(label(f"method/{method}", "title"), *rest, _colour(method)) for method, *rest in others(base)]
    sides = [math.sqrt(numbers / per_pixel / USUAL_WIDTH) for _, _, numbers, _ in rows]
    cells = [
        side * NARROW + 2 * BESIDE + max(_long(title, BOLD), _long(f"{numbers:,}", PLAIN))
        for side, (title, _, numbers, _) in zip(sides, rows, strict=True)
    ]
    columns = _columns(cells)
    for number, (side, (title, setting, numbers, colour)) in enumerate(zip(sides, rows, strict=True)):
        row, column = divmod(number, len(columns))
        x, y = w(sum(columns[:column]) / sum(columns)) + px(1), top + px(row * ROW)
        blocks.append(Block(title, setting, side, numbers / side, x, y + px(4), True, colour))
        words.append(Words(title, x + w(side) + px(BESIDE), y + px(13), bold=True, size=BOLD))
        words.append(Words(f"{numbers:,}", x + w(side) + px(BESIDE), y + px(32), size=PLAIN))
    return blocks, words, y + px(ROW)


def _columns(cells: list[float]) -> list[float]:
    """The widths of as many columns as a phone has room for, the cells filled in row by row."""
    for number in range(len(cells), 1, -1):
        widths = [max(cells[column::number]) for column in range(number)]
        if sum(widths) <= NARROW:
            return widths
    return [max(cells)]


def others(base: BaseModel) -> list[tuple[str, str, int]]:
    """The other methods with their default settings, and what they train on this base model; the largest first."""
    rows = []
    for name, method in METHODS.items():
        if not method.owns_weights:
            config = method.config()
            rows.append((name, method_label(config), count(base.architecture, config).trainable_parameters))
    return sorted(rows, key=lambda row: -row[2])


def _colour(method: str) -> str:
    return theme.METHOD[method].colour


def _on_solid() -> str:
    """Words on the colour of full fine-tuning."""
    return "#12161C" if theme.is_dark() else "#FFFFFF"


def pictures(base: BaseModel, config: FullConfig) -> tuple[Picture, ...]:
    """Every part solid, and beside them what the other methods train."""
    drawn, thin = sheet(base)
    total = count(base.architecture, config).total_parameters
    rows = "; ".join(f"{part.full_name}: {part.numbers:,}" for part in areas(base.architecture))
    beside = "; ".join(f"{setting}: {numbers:,}" for _, setting, numbers in others(base))
    alt_text = label("method/full", "picture_alt", parts=rows, others=beside)
    thin_words = "; ".join(f"{part.full_name} {part.numbers:,} ({_share(part.numbers, total)})" for part in thin)
    defaults = "; ".join(setting for _, setting, _ in others(base))
    caption = text("method/full", "picture", thin=thin_words, others=defaults)
    return (Picture(drawn, _colour("full"), "full_picture", alt_text, caption),)
