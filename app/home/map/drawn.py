"""The map as what the browser draws: stacks of rows of cells of boxes, each with its name, its marks and its number.

A box is a button. Which page it leads to is worked out here, not in the browser.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.content import label
from app.home.map.boxes import BIAS, EMBEDDING, FINAL, NORM, OUTPUT, Box, Column, Plug, boxes, columns
from app.kit import theme
from app.kit.pages import page_for, script_of
from peft_core.t5.architecture import Architecture, BaseModel
from peft_core.t5.names import SUBLAYERS, Layer, Place, Stack

TOKENS, ANSWER, IN_FRONT, OWN = "tokens", "answer", "in_front:", "own:"  # keys of what is no module of the base
FIRST_OF_METHOD = "3"  # the step behind the tokens and their embeddings
LAST = "last"
Way = tuple[str, Place, str]  # method, place, step


class Drawn:
    """The map of one base with some methods plugged in, and where each of its buttons leads."""

    def __init__(self, base: BaseModel, plugs: Mapping[str, Plug], plugged: Sequence[str]) -> None:
        self.base = base
        self.plugged = [plugs[name] for name in plugged]
        self.frozen = next(plug for plug in plugs.values() if plug.owns)  # walked where nothing is plugged in
        self.ways: dict[str, Way] = {}
        self.boxes = {box.name: box for box in boxes(base.architecture)}
        self.data = self._data(base.architecture)

    def leads(self, key: str) -> tuple[str, dict[str, str | list[str]]] | None:
        """Script and link of the Step through for a button, or None for what is no button of this map."""
        if key not in self.ways:
            return None
        method, place, step = self.ways[key]
        plug = next(plug for plug in (*self.plugged, self.frozen) if plug.method == method)
        page, query = page_for(plug.config)
        here = {"section": "steps", "base": self.base.name, "steps_place": place.name, "step": step}
        return script_of(page.name), query | here

    def _data(self, a: Architecture) -> dict[str, Any]:
        first = self.plugged[0] if self.plugged else self.frozen
        self.ways[TOKENS] = (first.method, first.places[0], "1")
        self.ways[ANSWER] = (first.method, first.places[-1], LAST)
        ways_in = [_end(TOKENS), *(self._in_front(plug) for plug in self.plugged if plug.in_front)]
        return {
            "label": label("map", "label", base=self.base.name),
            "hint": label("map", "hint"),
            "into": [*ways_in, self._box(self.boxes[EMBEDDING], label("map", "embedding"))],
            "stacks": [self._stack("encoder", a.encoder_layers), self._stack("decoder", a.decoder_layers)],
            "out": [self._box(self.boxes[OUTPUT], label("map", "output")), _end(ANSWER)],
        }

    def _stack(self, stack: Stack, blocks: int) -> dict[str, Any]:
        drawn = columns(blocks)
        whole = ("layer-norms", "position-bias")
        rows = [self._row(stack, layer, drawn) for layer in SUBLAYERS[stack]]
        return {
            "title": label("map", stack),
            "columns": [_block(column) for column in drawn],
            "rows": rows,
            "notes": [note for kind in whole for note in self._notes(kind, stack)],
            "final": self._box(self.boxes[f"{stack}.{FINAL}"], label("map", "norm")),
        }

    def _row(self, stack: Stack, layer: Layer, drawn: Sequence[Column]) -> dict[str, Any]:
        return {
            "title": label("map", layer.replace("-", "_")),
            "notes": self._notes(layer, stack),
            "cells": [self._cell(stack, layer, column) for column in drawn],
        }

    def _cell(self, stack: Stack, layer: Layer, column: Column) -> list[dict[str, Any]]:
        """The boxes of a sub-layer, and what is plugged in beside them: in front of them, or behind."""
        here = [b for b in self.boxes.values() if (b.stack, b.block, b.layer) == (stack, column.first, layer)]
        before, behind = [], []
        for plug in self.plugged:
            if place := plug.own(stack, column.first, layer):
                line = next((line for line in plug.lines if (line.part.stack, line.part.kind) == (stack, layer)), None)
                (behind if line and line.part.behind else before).append(self._plugged_in(plug, place, column))
        return [*before, *(self._box(box, _short(box), column) for box in here), *behind]

    def _box(self, box: Box, words: str, column: Column | None = None) -> dict[str, Any]:
        changing = [(plug, place) for plug in self.plugged if (place := plug.at(box))]
        ends = box.name in (EMBEDDING, OUTPUT) and self.plugged  # every method's walk begins and ends there
        walked = self.plugged[0] if ends else self.frozen
        plug, place = changing[0] if changing else (walked, walked.nearest(box))
        step = {EMBEDDING: "2", OUTPUT: LAST}.get(box.name, FIRST_OF_METHOD)
        self.ways[box.name] = (plug.method, place, step)
        numbers = f"{box.numbers:,}" if box.numbers else label("map", "shared")
        who = ", ".join(_title(plug) for plug, _ in changing)
        told = label("map", "changed" if changing else "frozen", place=_where(box, column), numbers=numbers, who=who)
        wide = box.layer is None or box.module in (NORM, BIAS)
        marks = [_mark(plug) for plug, _ in changing]
        return {"key": box.name, "words": words, "told": told, "marks": marks, "wide": wide}

    def _plugged_in(self, plug: Plug, place: Place, column: Column) -> dict[str, Any]:
        key = f"{OWN}{plug.method}:{place.name}"
        self.ways[key] = (plug.method, place, FIRST_OF_METHOD)
        where = label("map", "in_layer", stack=label("steps", place.stack), blocks=_blocks(column),
                      layer=label("steps", place.layer))  # fmt: skip
        told = label("map", "plugged_in", who=_title(plug), place=where)
        return {"key": key, "words": _title(plug), "told": told, "marks": [_mark(plug)], "wide": True}

    def _in_front(self, plug: Plug) -> dict[str, Any]:
        key = f"{IN_FRONT}{plug.method}"
        self.ways[key] = (plug.method, plug.places[0], FIRST_OF_METHOD)
        words = f"{_title(plug)} {sum(line.value for line in plug.lines):,}"
        told = label("map", "plugged_in", who=words, place=label("map", "in_front"))
        return {"key": key, "words": words, "told": told, "marks": [_mark(plug)], "wide": True}

    def _notes(self, kind: str, stack: Stack) -> list[dict[str, str]]:
        """What each plugged-in method trains in one part of a stack, all its blocks together."""
        found = []
        for plug in self.plugged:
            numbers = sum(line.value for line in plug.lines if (line.part.kind, line.part.stack) == (kind, stack))
            if numbers:
                name = "" if kind in SUBLAYERS[stack] else f" {label('parts', kind)}"
                found.append(_mark(plug) | {"words": f"{numbers:,}{name}"})
        return found


def _end(key: str) -> dict[str, Any]:
    return {"key": key, "words": label("map", key), "told": label("map", f"{key}_told"), "marks": [], "wide": True}


def _mark(plug: Plug) -> dict[str, str]:
    style = theme.METHOD[plug.method]
    return {"mark": theme.MARKS[style.shape], "colour": style.colour}


def _title(plug: Plug) -> str:
    return label(f"method/{plug.method}", "title")


def _short(box: Box) -> str:
    return {NORM: label("map", "norm"), BIAS: label("map", "bias")}.get(box.module, box.module)


def _blocks(column: Column) -> str:
    """Counted from 1, as everywhere on the screen."""
    return f"{column.first + 1}" if column.first == column.last else f"{column.first + 1}–{column.last + 1}"


def _block(column: Column) -> str:
    return label("map", "block" if column.first == column.last else "blocks", blocks=_blocks(column))


def _where(box: Box, column: Column | None) -> str:
    if box.stack is None:
        return label("map", "embedding" if box.name == EMBEDDING else "output")
    if box.layer is None or column is None:
        return label("map", "behind", stack=label("steps", box.stack))
    layer = label("map", "in_layer", stack=label("steps", box.stack), blocks=_blocks(column),
                  layer=label("steps", box.layer))  # fmt: skip
    return label("steps", "place_module", place=layer, module=_short(box))
