"""Which linear layers peft puts LoRA on, and how strongly, from what an `adapter_config.json` says. No torch here.

peft says it in many ways (a list of suffixes, a pattern, "all-linear", layers to leave out, numbers of blocks), and
gives some layers a rank of their own by patterns, too. Each is resolved here to the dotted names of a T5's weight
matrices, with peft's own rules (0.21.2: `tuners_utils.check_target_module_exists`, `other.get_pattern_key`).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from peft_core.errors import PeftClassroomError
from peft_core.methods.reading import expression, written
from peft_core.t5.architecture import Architecture
from peft_core.t5.names import ATTENTION, INNER, STACKS, feed_forward, matrices, matrix_of, sublayers

ALL_LINEAR = "all-linear"
USUAL = ("q", "v")  # what peft takes for a T5 when nothing is said (`constants.py`)

T = TypeVar("T")


def short_name(dotted: str) -> str:
    """The name that a matrix goes by: q, k, v, o, wi (also for wi_0 and wi_1) or wo."""
    return dotted.rpartition(".")[2].split("_")[0]


def module_names(architecture: Architecture) -> list[str]:
    """The dotted name of every module of a T5 in Transformers: what peft's patterns are held against."""
    names = ["shared", "lm_head"]
    for stack in STACKS:
        names += [stack, *(f"{stack}.{inside}" for inside in ("embed_tokens", "block", "final_layer_norm", "dropout"))]
    for sublayer, stack, block, layer in sublayers(architecture):
        inner, first = f"{sublayer}.{INNER[layer]}", f"{stack}.block.{block}"
        names += [first, f"{first}.layer"] if sublayer.endswith(".layer.0") else []
        names += [sublayer, f"{sublayer}.layer_norm", f"{sublayer}.dropout", inner]
        if layer == "feed-forward":
            inside = (*feed_forward(architecture.gated), "dropout", "act")
        else:
            biased = layer == "self-attention" and block == 0
            inside = (*ATTENTION, "relative_attention_bias") if biased else ATTENTION
        names += [f"{inner}.{name}" for name in inside]
    return names


def targets(description: Mapping[str, Any], architecture: Architecture) -> tuple[str, ...]:
    """The matrices that a description names: short names where these are all of that name, dotted ones otherwise.

    Raises:
        PeftClassroomError: if it names none, or something that is no weight matrix of a block.
    """
    wanted, chosen = _wanted(description), _chosen(description)
    everywhere = isinstance(wanted, str) and wanted.lower() == ALL_LINEAR
    every = [place.name for place in matrices(architecture)]
    found = [
        name
        for name in module_names(architecture)
        if not _excluded(description.get("exclude_modules"), name)
        and (name in every if everywhere else _matches(wanted, name) and chosen(name))
    ]
    if other := [name for name in found if name not in every]:
        raise PeftClassroomError(
            f"target_modules = {written(wanted)} also means {other[0]}. Here LoRA goes to the linear layers of the "
            "blocks alone (q, k, v, o, wi, wo)."
        )
    if not found:
        raise PeftClassroomError(f"target_modules = {written(wanted)} means no linear layer of this T5.")
    short = {short_name(name) for name in found}
    whole = {name for name in every if short_name(name) in short}
    return tuple(sorted(short)) if whole == set(found) else tuple(found)


def resolved(patterns: Any, names: Iterable[str]) -> dict[str, Any]:
    """Dotted name → value of the first pattern that matches its end; names that none matches are left out.

    Raises:
        PeftClassroomError: if `patterns` is no table, or a pattern is none.
    """
    if patterns is not None and not isinstance(patterns, Mapping):
        raise PeftClassroomError(f"A table of patterns is expected, not {written(patterns)}.")
    found = {}
    compiled = [(expression(rf"(.*\.)?({key})$", key), value) for key, value in (patterns or {}).items()]
    for name in names:
        for pattern, value in compiled:
            if pattern.match(name):
                found[name] = value
                break
    return found


# ---------------------------------------------------------------------------------------------------------------------
# peft's rules, one by one


def _wanted(description: Mapping[str, Any]) -> str | list[str]:
    wanted = description.get("target_modules")
    wanted = list(USUAL) if wanted is None else wanted
    if not isinstance(wanted, str) and not _are_names(wanted):
        raise PeftClassroomError(f"target_modules = {written(wanted)} is neither a pattern nor a list of names.")
    return wanted


def _matches(wanted: str | list[str], name: str) -> bool:
    """A pattern is held against the whole name, a name of a list against its end."""
    if isinstance(wanted, str):
        return expression(wanted, wanted).fullmatch(name) is not None
    return any(name == each or name.endswith(f".{each}") for each in wanted)


def _excluded(excluded: Any, name: str) -> bool:
    if not excluded:
        return False
    if not isinstance(excluded, str) and not _are_names(excluded):
        raise PeftClassroomError(f"exclude_modules = {written(excluded)} is neither a pattern nor a list of names.")
    return _matches(excluded, name)


def _chosen(description: Mapping[str, Any]):
    """Whether a name is in the blocks of `layers_to_transform`; the number is that of the first list of modules.

    Raises:
        PeftClassroomError: where peft refuses these settings together, too.
    """
    blocks, lists = description.get("layers_to_transform"), description.get("layers_pattern")
    if blocks is None or blocks == []:
        if lists:
            raise PeftClassroomError("layers_pattern says nothing without layers_to_transform.")
        return lambda name: True
    if isinstance(description.get("target_modules"), str):
        raise PeftClassroomError("layers_to_transform and a pattern as target_modules exclude each other.")
    numbers = [blocks] if type(blocks) is int else blocks
    if not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
        raise PeftClassroomError(f"layers_to_transform = {written(blocks)} is no list of whole numbers.")
    lists = [lists] if isinstance(lists, str) else lists
    if lists and not _are_names(lists):
        raise PeftClassroomError(f"layers_pattern = {written(lists)} is no list of names.")
    patterns = [expression(rf"(?:^|.*?\.){each}\.(?P<idx>\d+)\.", each) for each in lists or ()]
    patterns = patterns or [re.compile(r".*?\.[^.]*\.(?P<idx>\d+)\.")]

    def chosen(name: str) -> bool:
        found = next((match for pattern in patterns if (match := pattern.match(name))), None)
        return found is not None and int(found["idx"]) in numbers

    return chosen


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) and each for each in value)


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Dotted names of matrices in the order of the forward pass, each once.

    Raises:
        ValueError: for a name that is no weight matrix of a block.
    """
    places = {name: matrix_of(name) for name in names}
    if unknown := [name for name, place in places.items() if place is None]:
        raise ValueError(
            f"{written(unknown[0])} is none of q, k, v, o, wi, wo, and no linear layer of a block "
            "(as encoder.block.0.layer.0.SelfAttention.q)"
        )
    return tuple(sorted(places, key=lambda name: places[name].order))
