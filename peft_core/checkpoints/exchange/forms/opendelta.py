"""OpenDelta's folders: LoRA, soft prompt and adapter, in the forms that the methods here read. No torch here.

Its LoRA computes as peft's. Its soft prompt stands in front of the encoder's input alone. Its adapter follows the last
matrix of a sub-layer, o' = o + A(o), in front of the dropout: without dropout that is Houlsby's place.
"""

import re
from collections.abc import Mapping
from typing import Any

from peft_core.checkpoints.exchange.forms import lora
from peft_core.checkpoints.exchange.forms.native import Native, Tensors
from peft_core.errors import PeftClassroomError
from peft_core.methods.reading import check_settings, written
from peft_core.t5.names import in_sublayer

PROMPT = "encoder.soft_prompt_layer.soft_embeds"
_ADAPTER = re.compile(
    r"(.+\.layer\.\d+)(\.SelfAttention\.o|\.EncDecAttention\.o|\.DenseReluDense\.wo|)"
    r"\.adapter\.modulelist\.(down|up)_proj\.(\w+)"
)
# What says where the delta is for, and with what it was made, but changes nothing that it computes. Which modules it
# changes, the names of its tensors say.
ABOUT = (
    "delta_type", "backbone_checkpoint_name", "backbone_class", "backbone_hash", "common_structure", "exclude_modules",
    "modified_modules", "opendelta_version", "transformers_version", "backend",
)  # fmt: skip


def translate(said: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], version: str) -> Native:
    """The description of the same method in the form that it has here.

    Raises:
        PeftClassroomError: for another delta_type, or a setting that is not known.
    """
    kinds = {"lora": _lora, "soft_prompt": _soft_prompt, "adapter": _adapter}
    kind = said.get("delta_type")
    if not isinstance(kind, str) or kind not in kinds:
        raise PeftClassroomError(
            f"OpenDelta's setting delta_type = {written(kind)} is not supported here; {', '.join(kinds)} are."
        )
    return kinds[kind](said, shapes)


def _check(said: Mapping[str, Any], *own: str) -> None:
    check_settings(said, dict.fromkeys((*ABOUT, *own)), "OpenDelta")


def _number(said: Mapping[str, Any], name: str, default: float) -> float:
    value = said.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PeftClassroomError(f"OpenDelta's setting {name} = {written(value)} is no number.")
    return value


def _lora(said: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> Native:
    _check(said, "lora_r", "lora_alpha", "lora_dropout")
    modules = lora.modules_of(shapes, ".lora.lora_A")
    known = (f"{module}.lora.{part}" for module in modules for part in ("lora_A", "lora_B"))
    lora.check_pairs(shapes, known, "OpenDelta")

    def convert(tensors: Tensors) -> Tensors:
        return {
            lora.stored(*name.replace(".lora.lora_", ".lora_").rsplit(".", 1)): tensor
            for name, tensor in tensors.items()
        }

    rank, alpha, dropout = (
        _number(said, name, default) for name, default in (("lora_r", 8), ("lora_alpha", 16), ("lora_dropout", 0.0))
    )
    return Native(lora.description(modules, rank, alpha, dropout), convert)


def _soft_prompt(said: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> Native:
    _check(said, "soft_token_num", "token_init", "init_range")  # the latter two: where it started from
    rows = _number(said, "soft_token_num", 100)
    description = {
        "peft_type": "PROMPT_TUNING",
        "task_type": "SEQ_2_SEQ_LM",
        "num_virtual_tokens": rows,
        "num_transformer_submodules": 1,
        "prompt_tuning_init": "RANDOM",
    }
    return Native(description, lambda tensors: _renamed(tensors, {PROMPT: "prompt_embeddings"}))


def _adapter(said: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> Native:
    """As AdapterHub's double_seq_bn, which is what it computes once dropout is off; behind whole sub-layers, seq_bn.

    Raises:
        PeftClassroomError: if adapters stand at both kinds of places.
    """
    _check(said, "bottleneck_dim", "non_linearity")
    width = _number(said, "bottleneck_dim", 24)
    if not 1 <= width <= 100_000:
        raise PeftClassroomError(f"OpenDelta's setting bottleneck_dim = {written(width)} is no width.")
    names: dict[str, str] = {}
    places: set[str] = set()
    after_sum: set[bool] = set()
    for name in shapes:
        found = _ADAPTER.fullmatch(name)
        if found:
            sublayer, place, way, part = found.groups()
            after_sum.add(not place)
            places.add(in_sublayer(f"{sublayer}.adapter")[2])
            names[name] = f"{sublayer}.adapters.delta.adapter_{way}{'.0' if way == 'down' else ''}.{part}"
    if len(after_sum) > 1:
        raise PeftClassroomError(
            "OpenDelta's setting modified_modules puts adapters behind matrices and behind whole sub-layers: "
            "that is not supported here."
        )
    tables = (shape for name, shape in shapes.items() if shape and name.endswith("down_proj.weight"))
    width_of_model = next((shape[-1] for shape in tables), width)
    description = {
        "config": {
            "mh_adapter": "self-attention" in places,
            "output_adapter": "feed-forward" in places,
            "cross_adapter": "cross-attention" in places,
            "original_ln_before": True in after_sum,
            "original_ln_after": True,
            "residual_before_ln": True,
            "non_linearity": said.get("non_linearity", "gelu_new"),
            "reduction_factor": width_of_model / (width + 0.25),  # whose quotient is cut to a whole number: m
            "scaling": 1.0,
        },
        "hidden_size": width_of_model,
        "model_type": "t5",
        "name": "delta",
        "version": "adapters.1.3.0",
    }
    return Native(description, lambda tensors: _renamed(tensors, names))


def _renamed(tensors: Tensors, names: Mapping[str, str]) -> Tensors:
    """What has no other name keeps its own: loading refuses it by that."""
    return {names.get(name, name): tensor for name, tensor in tensors.items()}
