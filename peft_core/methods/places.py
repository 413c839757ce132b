"""Where a method can be looked at in a T5. No torch here."""

from collections.abc import Iterator

from peft_core.errors import PeftClassroomError, UnknownMethodError
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import TARGET_MODULES, LoraConfig
from peft_core.methods.method import MethodConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.t5.architecture import Architecture
from peft_core.t5.names import KINDS, Place, matrices, sublayers


def places(architecture: Architecture, config: MethodConfig) -> tuple[Place, ...]:
    """Every place where `config` changes something, in the order of the forward pass.

    Full fine-tuning, LoRA: weight matrices. Adapter: the adapters. Soft prompt: the encoder's self-attentions, which
    are the layers that mix the prompt with the review.
    """
    if isinstance(config, AdapterConfig):
        return tuple(_adapters(architecture, config))
    if isinstance(config, SoftPromptConfig):
        return tuple(
            Place(f"encoder.block.{b}.layer.0.SelfAttention", "encoder", b, "self-attention")
            for b in range(architecture.encoder_layers)
        )
    if isinstance(config, LoraConfig):
        return tuple(matrices(architecture, config.target_modules))
    if isinstance(config, FullConfig):
        return tuple(matrices(architecture, TARGET_MODULES))
    raise UnknownMethodError(config, "places")


def find_place(architecture: Architecture, config: MethodConfig, name: str) -> Place:
    """The place called `name`.

    Raises:
        PeftClassroomError: if this configuration has no such place.
    """
    for place in places(architecture, config):
        if place.name == name:
            return place
    raise PeftClassroomError(f"With these settings nothing is changed at {name!r}. Choose one of the places listed.")


def _adapters(architecture: Architecture, config: AdapterConfig) -> Iterator[Place]:
    houlsby = config.placement == "houlsby"
    followed = ("SelfAttention", "DenseReluDense") if houlsby else ("DenseReluDense",)
    ending = ".dropout.adapter" if houlsby else ".adapter"  # see peft_core/methods/adapter/layer.py
    for name, stack, block, inner in sublayers(architecture):
        if inner in followed:
            yield Place(name + ending, stack, block, KINDS[inner])
