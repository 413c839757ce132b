"""Layer-norm tuning: what can be counted, stored and read; nothing can be chosen. No torch here."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from peft_core.methods.method import CountLine, Look, Method, MethodConfig, blocks
from peft_core.methods.reading import OF_ANY_PEFT_FILE, Reading, check_reached, check_settings
from peft_core.t5.architecture import Architecture
from peft_core.t5.names import STACKS, SUBLAYERS, Place, matrices, sublayers
from peft_core.t5.parts import Part

NORMS = ("layer_norm", "final_layer_norm")  # in front of each sub-layer, and behind each stack


class LayerNormConfig(MethodConfig):
    """Layer-norm tuning (Zhao et al. 2023): the weights of every layer norm train, all else stays frozen."""

    method: Literal["layer_norm"] = "layer_norm"


class LayerNorm(Method):
    """Stored as a Hugging Face PEFT folder."""

    config = LayerNormConfig
    examples: ClassVar = {"": LayerNormConfig()}
    position = 5
    look = Look("#6A4FA3", "#B39DFF", "triangle-down")
    learning_rate = 3e-2
    weights_file = "adapter_model.safetensors"

    def label(self, config: LayerNormConfig) -> str:
        return "Layer norms"

    def added(self, architecture: Architecture, config: LayerNormConfig) -> Iterator[CountLine]:
        """One number for each feature at each norm: the trained weights stand beside the frozen ones."""
        a = architecture
        for stack, number in zip(STACKS, (a.encoder_layers, a.decoder_layers), strict=True):
            norms = len(SUBLAYERS[stack])
            product = f"({blocks(number)} × {norms} + 1 final) × {a.d_model:,}"
            yield CountLine(Part("layer-norms", stack), product, (number * norms + 1) * a.d_model)

    def places(self, architecture: Architecture, config: LayerNormConfig) -> Iterator[Place]:
        """The norm in front of each sub-layer; those behind the stacks belong to no sub-layer."""
        for name, stack, block, layer in sublayers(architecture):
            yield Place(f"{name}.layer_norm", stack, block, layer)

    def stored_name(self, name: str) -> str:
        """….layer_norm.weight → base_model.model.….layer_norm.ln_tuning_layers.weight"""
        return f"base_model.model.{name.removesuffix('weight')}ln_tuning_layers.weight"

    def description(self, config: LayerNormConfig, architecture: Architecture, base: str) -> dict:
        return {
            "peft_type": "LN_TUNING",
            "task_type": "SEQ_2_SEQ_LM",
            "base_model_name_or_path": base,
            "revision": None,
            "target_modules": list(NORMS),
            "inference_mode": True,
            "modules_to_save": None,
        }

    def recognises(self, description: Mapping[str, Any]) -> bool:
        return description.get("peft_type") == "LN_TUNING"

    def read(self, description: Mapping[str, Any], architecture: Architecture) -> Reading:
        """All norms of the T5, however they are named."""
        known = {"task_type": (None, "SEQ_2_SEQ_LM"), "target_modules": None}
        check_settings(description, OF_ANY_PEFT_FILE | known, "peft")
        norms = {f"{name}.layer_norm" for name, *_ in sublayers(architecture)} | {
            f"{s}.final_layer_norm" for s in STACKS
        }
        others = {"lm_head", "shared", *(place.name for place in matrices(architecture))}
        check_reached(description, "target_modules", NORMS, norms, norms | others)
        return Reading(LayerNormConfig())


METHOD = LayerNorm()
