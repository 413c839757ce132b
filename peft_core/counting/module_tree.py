"""The modules of a model as a tree: what the method inserted, what trains, and every shape.

Neighbours that are alike (same classes, same shapes, same state) become one node, as in "block 1–5". T5's block 0 stays
by itself: it alone holds the relative position bias of its stack.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # reading a tree, and drawing one, needs no torch
    from torch import nn


@dataclass(frozen=True, slots=True)
class Tensor:
    """A parameter of a module."""

    name: str
    shape: tuple[int, ...]
    numel: int
    trains: bool
    inserted: bool
    tied_to: str | None = None  # dotted name of the same tensor further up, where it was counted already


@dataclass(frozen=True, slots=True)
class Node:
    """A module with its own parameters and the modules in it; with `copies` > 1 it stands for alike neighbours.

    `trains` and `frozen` count the parameters of one copy with all that is in it, tied tensors once.
    """

    name: str  # in its parent; of the first copy; "" for the model itself
    kind: str  # its class
    inserted: bool  # by the method: the base model has no such module
    tensors: tuple[Tensor, ...]
    children: tuple[Node, ...]
    trains: int
    frozen: int | None  # None in an `outline` that leaves out frozen modules below
    copies: int = 1

    @property
    def names(self) -> list[str]:
        """The names of all copies."""
        return [self.name] if self.copies == 1 else [str(int(self.name) + i) for i in range(self.copies)]


def read_tree(model: nn.Module, base: Collection[object]) -> Node:
    """The tree of `model`, alike neighbours folded.

    Args:
        base: the modules and parameters that were there before the method came; all others count as inserted.
    """
    counted: dict[nn.Parameter, str] = {}  # in the order of `named_parameters`, which takes a tied tensor once, too

    def node(module: nn.Module, name: str, path: str) -> Node:
        tensors = []
        for own, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            first = counted.setdefault(parameter, path + own)
            tied_to = None if first == path + own else first
            shape = tuple(parameter.shape)
            tensors.append(
                Tensor(own, shape, parameter.numel(), parameter.requires_grad, parameter not in base, tied_to)
            )
        children = [node(child, child_name, f"{path}{child_name}.") for child_name, child in module.named_children()]
        trains, frozen = (
            sum(t.numel for t in tensors if t.trains is which and not t.tied_to) for which in (True, False)
        )
        trains += sum(child.trains for child in children)
        frozen += sum(child.frozen for child in children)
        kind, inserted = type(module).__name__, module not in base
        return Node(name, kind, inserted, tuple(tensors), fold(children), trains, frozen)

    return node(model, "", "")


def fold(nodes: Collection[Node]) -> tuple[Node, ...]:
    """Neighbours of a numbered list that are alike in everything but their number, as one node."""
    folded: list[Node] = []
    for node in nodes:
        before = folded[-1] if folded else None
        if before and _follows(before, node) and replace(node, name=before.name, copies=before.copies) == before:
            folded[-1] = replace(before, copies=before.copies + node.copies)
        else:
            folded.append(node)
    return tuple(folded)


def _follows(before: Node, node: Node) -> bool:
    return before.name.isdigit() and node.name.isdigit() and int(node.name) == int(before.name) + before.copies


def parameters(node: Node, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every parameter with its dotted name, in the order of the model, tied ones at each of their places."""
    for tensor in node.tensors:
        yield path + tensor.name, tensor
    for child in node.children:
        for name in child.names:
            yield from parameters(child, f"{path}{name}.")


def outline(tree: Node) -> Node:
    """The tree in short: what the method inserted and the way there; the rest of the model is one last node, "…".

    Wrapped base modules are collapsed; a wrapped T5 shows its blocks collapsed. If nothing was inserted, the whole tree
    is shown like that.
    """
    if not insertions(tree):
        return _in_short(tree)
    listed = 0  # frozen parameters in the outline

    def keep(node: Node, times: int) -> Node | None:
        nonlocal listed
        children = []
        for child in node.children:
            kept = keep(child, times * child.copies)
            if kept is None and node.inserted and not child.inserted:
                kept = _in_short(child)
                listed += times * child.copies * child.frozen
            if kept is not None:
                children.append(kept)
        if not (children or node.inserted):
            return None
        listed += times * sum(t.numel for t in node.tensors if not t.trains and not t.tied_to)
        return replace(node, children=fold(children), frozen=node.frozen if node.inserted else None)

    kept = replace(keep(tree, 1), frozen=tree.frozen)
    if listed == tree.frozen:
        return kept
    return replace(kept, children=(*kept.children, Node("…", "", False, (), (), 0, tree.frozen - listed)))


def _in_short(node: Node) -> Node:
    with_closed_blocks = _close_blocks(node)
    return replace(node, children=()) if with_closed_blocks == node else with_closed_blocks


def _close_blocks(node: Node) -> Node:
    if node.name.isdigit():
        return replace(node, children=())
    return replace(node, children=tuple(_close_blocks(child) for child in node.children))


def insertions(tree: Node) -> dict[str, int]:
    """How many modules of which class the method has put into the base model, what they hold not counted again."""
    found: dict[str, int] = {}

    def look(node: Node, times: int) -> None:
        if node.inserted:
            found[node.kind] = found.get(node.kind, 0) + times
            return
        for child in node.children:
            look(child, times * child.copies)

    look(tree, 1)
    return found
