"""AdapterHub's folders: a bottleneck adapter is a method's own form here; LoRA and (IA)³ become peft's. No torch here.

LoRA     h = W₀·x + (alpha / r)·B·A·x      MODULE.loras.NAME.lora_A, .lora_B: as peft
DoRA     magnitude · (W₀·x + (alpha / r)·B·A·x) / ‖W₀ + B·A‖: as peft where alpha = r, else no other library's
(IA)³    a factor on the outputs of k, v and of wi, in front of the non-linearity, where peft has it behind
"""

import re
from collections.abc import Mapping
from typing import Any

from peft_core.checkpoints.exchange.forms import lora
from peft_core.checkpoints.exchange.forms.native import Native, Tensors
from peft_core.errors import PeftClassroomError
from peft_core.methods.reading import check_settings, written

_KEY = re.compile(r"(?:transformer\.)?(.+)\.loras\.([^.]+)\.(lora_A|lora_B|m\.weight)")
# Which modules have an update, the names of the tensors say; where it started from changes nothing any more.
WHERE = (
    "architecture", "selfattn_lora", "intermediate_lora", "output_lora", "leave_out", "attn_matrices", "init_weights",
    "init_weights_seed", "dtype",
)  # fmt: skip
FIXED_SCALING = (1, 1, 0)  # the version from which on alpha / r is what it says


def translate(said: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], version: str) -> Native:
    """The description of the same method in the form that it has here.

    Raises:
        PeftClassroomError: for a setting that cannot be expressed, by its name.
    """
    config = said["config"]
    architecture = config.get("architecture")
    if architecture is None:
        return Native(said)  # a bottleneck adapter, which a method reads itself
    if architecture != "lora":
        raise PeftClassroomError(
            f"AdapterHub's setting architecture = {written(architecture)} is not supported here; bottleneck adapters, "
            "LoRA and (IA)³ are."
        )
    if config.get("init_weights") == "vera":
        raise PeftClassroomError("AdapterHub's setting init_weights = 'vera' is not supported here.")
    return _ia3(config, shapes) if config.get("composition_mode") == "scale" else _lora(config, shapes, version)


def _split(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[str, str]]:
    """Name in the file → (module, part)."""
    found = {name: _KEY.fullmatch(name) for name in shapes}
    lora.check_pairs(shapes, (name for name, match in found.items() if match), "AdapterHub")
    return {name: (match[1], match[3]) for name, match in found.items() if match}


def _lora(config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], version: str) -> Native:
    known = {**dict.fromkeys((*WHERE, "r", "alpha", "dropout", "use_dora")), "composition_mode": ("add",)}
    check_settings(config, known, "AdapterHub")
    rank, alpha, dora = config.get("r", 8), config.get("alpha", 8), bool(config.get("use_dora"))
    notes: tuple[str, ...] = ()
    if _before(version, FIXED_SCALING) and alpha != rank:
        notes = (
            f"adapters {version} computed with alpha = r, whatever alpha was, and later versions obey that: alpha is "
            f"{rank}, not {written(alpha)}.",
        )
        alpha = rank
    if dora and alpha != rank:
        raise PeftClassroomError(
            f"AdapterHub's DoRA (use_dora = True) with alpha = {written(alpha)} and r = {written(rank)} is not "
            "supported here: it leaves alpha / r out of the norm that it divides by, as no other library does."
        )
    parts = _split(shapes)
    description = lora.description({module for module, _ in parts.values()}, rank, alpha, config.get("dropout", 0.0))
    if dora:
        description["use_dora"] = True

    def convert(tensors: Tensors) -> Tensors:
        done: Tensors = {}
        for name, tensor in tensors.items():
            module, part = parts[name]
            if part == "m.weight":
                done[f"base_model.model.{module}.lora_magnitude_vector"] = tensor.view(-1)
            else:
                done[lora.stored(module, part)] = tensor
        return done

    return Native(description, convert, notes)


def _ia3(config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> Native:
    """peft's (IA)³, whose last vector stands behind the non-linearity.

    On a gated T5, AdapterHub's is on wi_1, behind which nothing follows but a product: the same. Elsewhere it is in
    front of ReLU, and relu(l·x) = l·relu(x) only for l ≥ 0: what it holds is looked at.
    """
    where = (name for name in WHERE if name != "output_lora")  # a factor behind wo, where no other library has one
    known = {**dict.fromkeys((*where, "alpha")), "composition_mode": ("scale",), "r": (1,)}
    check_settings(config, known, "AdapterHub")
    alpha = config.get("alpha", 1)
    parts = _split(shapes)

    def convert(tensors: Tensors) -> Tensors:
        done: Tensors = {}
        for name, tensor in tensors.items():
            module, _ = parts[name]
            values = tensor.float() * alpha
            parent, _, layer = module.rpartition(".")
            if layer in ("wi", "wi_1"):
                if layer == "wi" and bool((values < 0).any()):
                    raise PeftClassroomError(
                        f"AdapterHub's (IA)³ (composition_mode = 'scale') has factors below zero at {module}, in front "
                        "of ReLU; behind it, where peft and this library have them, that is something else."
                    )
                done[f"base_model.model.{parent}.wo.ia3_l"] = values.view(1, -1)
            else:
                done[f"base_model.model.{module}.ia3_l"] = values.view(-1, 1)
        return done

    names = {"wo" if name.startswith("wi") else name for name in (m.rpartition(".")[2] for m, _ in parts.values())}
    description = {
        "peft_type": "IA3",
        "task_type": "SEQ_2_SEQ_LM",
        "target_modules": sorted(names),
        "feedforward_modules": sorted(names & {"wo"}),
    }
    return Native(description, convert)


def _before(version: str, other: tuple[int, ...]) -> bool:
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    return bool(numbers) and numbers < other
