"""A module tree as text: what the method inserted has a + in front, every line says what trains."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import streamlit as st

from app.content import label
from app.kit import theme
from peft_core.counting.module_tree import Node, Tensor

ON_THE_MODULES_LINE = ("weight", "bias")  # parameters with other names have a line of their own
LONGEST = 48  # letters of a name lent and its class: with the counts of an 11B model, a line of 80


class Line(NamedTuple):
    """One line of the drawing; the counts are those of one copy."""

    inserted: bool
    words: str  # branches, name, class, shapes
    trains: int
    frozen: int | None  # None: not told on this line


def show(rows: Iterable[Line], method: str) -> None:
    """The lines on the page, what was inserted in the method's colour."""
    st.html(f"<style>{_highlight(method)}</style>")
    with st.container(key="module_tree"):
        st.code("\n".join(written(list(rows))), language="diff")


def _highlight(method: str) -> str:
    """What was inserted is in full ink on the method's colour, the rest quieter; both at 4.5 to 1 at least.

    Streamlit's own green for a diff is too pale. The + in front says it without colour.
    """
    rule, ground = ".st-key-module_tree .token", theme.METHOD[method].colour + "33"  # a fifth of the colour
    inserted = f"{rule}.inserted {{ color: {theme.ink()} !important; background: {ground}; }}"
    return f"{inserted} {rule}.unchanged {{ color: {theme.soft_ink()} !important; }}"


def written(rows: list[Line]) -> list[str]:
    """The lines under each other, their counts in two columns."""
    heads = label("tree", "trains"), label("tree", "frozen")
    counts = [[_count(row.trains), _count(row.frozen)] for row in rows]
    wide = max(len(row.words) for row in rows)
    widths = [max(len(head), *(len(count[i]) for count in counts)) for i, head in enumerate(heads)]
    cells = [(" ", "", heads), *(("+" if r.inserted else " ", r.words, c) for r, c in zip(rows, counts, strict=True))]
    return [f"{sign} {words:<{wide}}  {a:>{widths[0]}}  {b:>{widths[1]}}".rstrip() for sign, words, (a, b) in cells]


def _count(parameters: int | None) -> str:
    return "" if parameters is None else f"{parameters:,}" if parameters else "–"


def lines(tree: Node) -> Iterator[Line]:
    """The tree from the top, a line a module, and one for each parameter that is no plain weight or bias."""
    yield _module(tree.kind, tree)
    yield from _below(tree, "")


def _below(node: Node, branches: str) -> Iterator[Line]:
    own = [tensor for tensor in node.tensors if tensor.name not in ON_THE_MODULES_LINE]
    parts: list[tuple[str, Node | Tensor]] = [*((t.name, t) for t in own), *_shown(node)]
    for number, (name, part) in enumerate(parts):
        corner, on = ("└ ", "  ") if number == len(parts) - 1 else ("├ ", "│ ")
        if isinstance(part, Tensor):
            counted = 0 if part.tied_to else part.numel
            counts = (counted, 0) if part.trains else (0, counted)
            named = "" if (part.tied_to or "").endswith(f".{name}") else f"{name} "  # where it is tied to says it, too
            yield Line(part.inserted, f"{branches}{corner}{named}{_shape(part)}", *counts)
        else:
            yield _module(f"{branches}{corner}{name} {part.kind or label('tree', 'rest')}", part)
            yield from _below(part, branches + on)


def _module(words: str, node: Node) -> Line:
    if shapes := " + ".join(_shape(t) for t in node.tensors if t.name in ON_THE_MODULES_LINE):
        words += f" {shapes}"
    if node.copies > 1:
        words += f", {label('tree', 'each', n=node.copies)}"
    return Line(node.inserted, words, node.trains, node.frozen)


def _shape(tensor: Tensor) -> str:
    return f"= {tensor.tied_to}" if tensor.tied_to else f"[{', '.join(map(str, tensor.shape))}]"


def _shown(node: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    """The modules in `node` that get a line, by name.

    Lists and modules around a single other one lend it their name ("layer.0.SelfAttention") while that fits on a line.
    Modules without parameters get no line, unless the method has wrapped them.
    """
    for child in node.children:
        name = f"{path}{child.names[0]}" + (f"–{child.names[-1]}" if child.copies > 1 else "")
        inside = list(_shown(child, f"{name}."))
        short = all(len(f"{lent} {module.kind}") <= LONGEST for lent, module in inside)
        plain = short and not (child.tensors or child.inserted or child.copies > 1)
        if plain and inside and (child.kind == "ModuleList" or (len(inside) == 1 and inside[0][1].copies == 1)):
            yield from inside
        elif child.trains or child.frozen or child.tensors or (node.inserted and not child.inserted):
            yield name, child
