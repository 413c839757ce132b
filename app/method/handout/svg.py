"""A sheet as an SVG for paper: the same blocks, words and strokes, by the scale that a chart has in a browser."""

from xml.etree import ElementTree as Tree

from app.kit import theme
from app.method.sheet import Length, Picture, Sheet, Stroke, Words

WIDTH = 660  # pixels of the sheet, which a page of A4 has
EDGE = 2  # pixels around it: outlines stand half outside their blocks
HEAD = 5  # pixels from the middle of an arrow's head to its point


def scale(sheet: Sheet, width: float) -> tuple[float, float, float]:
    """(weights a pixel across, down, pixels of height), as `sheet.chart` asks of the browser at this width."""
    across = max(length.weights / max(1, width - length.pixels) for length in sheet.widths)
    down = max(length.weights / (sheet.pixels - length.pixels) for length in sheet.heights)
    if not sheet.one_scale:
        return across, down, sheet.pixels
    both = max(across, down)
    return both, both, max(length.weights / both + length.pixels for length in sheet.heights)


def svg(picture: Picture, width: float = WIDTH) -> str:
    """The picture as one element, which says in words what it shows."""
    sheet = picture.sheet
    across, down, height = scale(sheet, width)
    box = f"{-EDGE} {-EDGE} {width + 2 * EDGE:g} {height + 2 * EDGE:.1f}"
    root = Tree.Element("svg", {"viewBox": box, "role": "img", "aria-label": picture.alt_text})

    def at(x: Length, y: Length) -> tuple[float, float]:
        return x.weights / across + x.pixels, y.weights / down + y.pixels

    for block in sorted(sheet.blocks, key=lambda block: block.trained):
        colour = block.colour or picture.colour
        frozen = {"fill": theme.frozen(), "fill-opacity": "0.12", "stroke": theme.frozen(), "stroke-dasharray": "5 4"}
        look = {"fill": colour, "stroke": colour} if block.trained else frozen
        place = zip("xy", at(block.x, block.y), strict=True)
        size = {"width": block.width / across, "height": block.height / down}
        _add(root, "rect", dict(place) | size | look | {"stroke-width": 1.5})
    for stroke in sheet.strokes:
        _stroke(root, stroke, *at(stroke.x, stroke.y), *at(stroke.x2, stroke.y2))
    for words in sheet.words:
        _words(root, words, *at(words.x, words.y))
    return Tree.tostring(root, encoding="unicode")


def _stroke(root: Tree.Element, stroke: Stroke, x: float, y: float, x2: float, y2: float) -> None:
    _add(root, "line", {"x1": x, "y1": y, "x2": x2, "y2": y2, "stroke": theme.soft_ink(), "stroke-width": 1.5})
    if stroke.head:
        down = stroke.head == "down"
        corners = [(-HEAD, -HEAD), (HEAD, -HEAD), (0, HEAD)] if down else [(-HEAD, -HEAD), (-HEAD, HEAD), (HEAD, 0)]
        points = " ".join(f"{x2 + dx:.1f},{y2 + dy:.1f}" for dx, dy in corners)
        _add(root, "polygon", {"points": points, "fill": theme.soft_ink()})


def _words(root: Tree.Element, words: Words, x: float, y: float) -> None:
    anchor = {"left": "start", "center": "middle", "right": "end"}[words.align]
    look = {"text-anchor": anchor, "dominant-baseline": "central", "font-size": words.size}
    look |= {"font-weight": "bold"} if words.bold else {}
    text = _add(root, "text", {"x": x, "y": y, "fill": words.colour or theme.ink(), **look})
    text.text = words.text


def _add(root: Tree.Element, tag: str, values: dict[str, object]) -> Tree.Element:
    written = {name: f"{value:.2f}" if isinstance(value, float) else str(value) for name, value in values.items()}
    return Tree.SubElement(root, tag, written)
