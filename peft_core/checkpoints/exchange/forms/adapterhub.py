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
from peft_core.t5.architecture import Architecture
from peft_core.t5.names import matrices

_KEY = re.compile(r"(?:transformer\.)?(.+)\.loras\.([^.]+)\.(lora_A|lora_B|m\.weight)")
# Which modules have an update, the names of the tensors say; where it started from changes nothing any more.
WHERE = (
    "architecture", "selfattn_lora", "intermediate_lora", "output_lora", "leave_out", "attn_matrices", "init_weights",
    "init_weights_seed", "dtype",
)  # fmt: skip
NAME = "classroom"  # AdapterHub puts the adapter's name into every key
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


# ---------------------------------------------------------------------------------------------------------------------
# The other way


def from_peft(
    description: Mapping[str, Any], tensors: Tensors, architecture: Architecture
) -> tuple[dict[str, Any], Tensors]:
    """LoRA as AdapterHub's folder has it, from peft's description and tensors.

    Its configuration chooses q, k and v in every attention at once, both matrices of the feed-forward one by one, and
    leaves out whole blocks. rsLoRA is an alpha of its own there.

    Raises:
        PeftClassroomError: for a method, a setting or a choice of layers that AdapterHub cannot express.
    """
    if description["peft_type"] != "LORA":
        raise PeftClassroomError(f"AdapterHub's form of {description['peft_type']} is not written here. Choose peft.")
    for setting in ("rank_pattern", "alpha_pattern"):
        if description.get(setting):
            raise PeftClassroomError(
                f"AdapterHub has one r and one alpha for all layers, so no {setting}. Choose peft."
            )
    r, alpha = (
        description["r"],
        description["lora_alpha"] * (description["r"] ** 0.5 if description.get("use_rslora") else 1),
    )
    dora = bool(description.get("use_dora"))
    if dora and alpha != r:
        raise PeftClassroomError(
            f"AdapterHub's DoRA leaves alpha / r out of the norm that it divides by: with alpha = {alpha:g} and "
            f"r = {r} it would compute something else. Choose peft."
        )
    names = {name: name.removeprefix("base_model.model.") for name in tensors}
    found = {
        name: re.sub(r"\.(lora_A\.weight|lora_B\.weight|lora_magnitude_vector)$", "", n) for name, n in names.items()
    }
    config = _where(set(found.values()), architecture) | {
        "r": r, "alpha": alpha, "dropout": description.get("lora_dropout", 0.0), "composition_mode": "add",
        "init_weights": "lora", "use_gating": False, "use_dora": dora,
    }  # fmt: skip
    written_as = {"lora_A.weight": "lora_A", "lora_B.weight": "lora_B", "lora_magnitude_vector": "m.weight"}

    def renamed(name: str) -> str:
        part = names[name].removeprefix(f"{found[name]}.")
        return f"{found[name]}.loras.{NAME}.{written_as[part]}"

    stored = {
        renamed(name): tensor.view(-1, 1) if name.endswith("lora_magnitude_vector") else tensor
        for name, tensor in tensors.items()
    }
    about = {
        "hidden_size": architecture.d_model, "model_class": "T5ForConditionalGeneration",
        "model_name": description["base_model_name_or_path"], "model_type": "t5", "name": NAME,
        "version": "adapters.1.3.0",
    }  # fmt: skip
    return {"config": config, **about}, stored


def _where(modules: set[str], architecture: Architecture) -> dict[str, Any]:
    """Which layers these are, as AdapterHub chooses them.

    Raises:
        PeftClassroomError: if it cannot choose them.
    """
    last = {module.rpartition(".")[2] for module in modules}
    if "o" in last or (architecture.gated and "wi_0" in last):
        which = "o" if "o" in last else "wi_0"
        raise PeftClassroomError(f"AdapterHub has no LoRA on a T5's {which}. Choose peft.")
    blocks = [("encoder", n) for n in range(architecture.encoder_layers)]
    blocks += [("decoder", n) for n in range(architecture.decoder_layers)]
    wanted = tuple(dict.fromkeys(name.split("_")[0] for name in last))
    every = {place.name: (place.stack, place.block) for place in matrices(architecture, wanted)}
    every = {name: block for name, block in every.items() if name.rpartition(".")[2] in last}
    touched = {every[module] for module in modules if module in every}
    expected = {name for name, block in every.items() if block in touched}
    if modules != expected:
        first = min(expected ^ modules)
        raise PeftClassroomError(
            f"AdapterHub chooses {', '.join(sorted(last))} in all attentions of a block at once, and cannot have "
            f"{first} otherwise than the rest. Choose peft."
        )
    return {
        "architecture": "lora",
        "selfattn_lora": bool(last & {"q", "k", "v"}),
        "intermediate_lora": bool(last & {"wi", "wi_1"}),
        "output_lora": "wo" in last,
        "attn_matrices": [name for name in ("q", "k", "v") if name in last] or ["q", "v"],
        "leave_out": [number for number, block in enumerate(blocks) if block not in touched],
    }
