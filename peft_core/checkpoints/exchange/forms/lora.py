"""LoRA in other libraries' files: the same A and B everywhere, under other names. No torch here.

    peft         base_model.model.encoder.block.0.layer.0.SelfAttention.q.lora_A.weight
    adapters     encoder.block.0.layer.0.SelfAttention.q.loras.NAME.lora_A
    OpenDelta    encoder.block.0.layer.0.SelfAttention.q.lora.lora_A
    loralib      encoder.block.0.layer.0.SelfAttention.q.lora_A

Which layers have an update is told by the names of the tensors: what a library calls "q" is not the same layers in each
(OpenDelta leaves cross-attention out). So they are written out one by one.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from peft_core.errors import PeftClassroomError


def description(
    modules: Iterable[str], rank: float, alpha: float, dropout: float = 0.0, ranks: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """peft's description of LoRA on these modules, by their full names. `ranks`: of modules with another rank."""
    return {
        "peft_type": "LORA",
        "task_type": "SEQ_2_SEQ_LM",
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": dropout,
        "target_modules": sorted(modules),
        "bias": "none",
        "rank_pattern": dict(ranks or {}),
    }


def modules_of(names: Iterable[str], ending: str) -> set[str]:
    """The modules whose `ending` is among the tensors."""
    return {name.removesuffix(ending) for name in names if name.endswith(ending)}


def check_pairs(shapes: Mapping[str, tuple[int, ...]], known: Iterable[str], whose: str) -> None:
    """Refuse a file with tensors that are no part of a LoRA, or no tables.

    Raises:
        PeftClassroomError: naming the first of them.
    """
    flat = sorted(name for name, shape in shapes.items() if not shape)
    if flat:
        raise PeftClassroomError(f"{whose}'s file is damaged: {flat[0][:120]} is a single number.")
    extra = sorted(set(shapes) - set(known))
    if extra:
        raise PeftClassroomError(
            f"{whose}'s file has {len(extra)} tensors that belong to no pair of A and B (first: {extra[0][:120]})."
        )


def stored(module: str, part: str) -> str:
    """peft's name of a tensor: `part` is lora_A or lora_B."""
    return f"base_model.model.{module}.{part}.weight"
