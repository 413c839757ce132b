"""Where a method can be looked at: the modules it touches, by their names in Transformers' T5. No torch here."""

from collections.abc import Iterator
from dataclasses import dataclass

from peft_core.architecture import Architecture
from peft_core.configs import TARGET_MODULES, AdapterConfig, FullConfig, LoraConfig, MethodConfig, SoftPromptConfig
from peft_core.errors import PeftClassroomError, UnknownMethodError

ATTENTION = ("q", "k", "v", "o")
KINDS = {"SelfAttention": "self-attention", "EncDecAttention": "cross-attention", "DenseReluDense": "feed-forward"}


@dataclass(frozen=True)
class Place:
    """A module of the model. `name` is its dotted name, the rest are the words for it."""

    name: str  # "encoder.block.0.layer.0.SelfAttention.q"
    stack: str  # "encoder" or "decoder"
    block: int  # from 0
    layer: str  # "self-attention", "cross-attention" or "feed-forward"
    module: str = ""  # "q", "wi_0", …; empty where the method sits on the whole sub-layer

    @property
    def reads_review(self) -> bool:
        """Whether it sees one row for each token of the review. The decoder sees its start token alone."""
        return self.stack == "encoder" or (self.layer == "cross-attention" and self.module in ("k", "v"))


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
        return tuple(_matrices(architecture, config.target_modules))
    if isinstance(config, FullConfig):
        return tuple(_matrices(architecture, TARGET_MODULES))
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


def _sublayers(architecture: Architecture) -> Iterator[tuple[str, str, int, str]]:
    """(dotted name of the sub-layer, stack, block, name of the module inside it), in the order of the forward pass."""
    stacks = (
        ("encoder", architecture.encoder_layers, ("SelfAttention", "DenseReluDense")),
        ("decoder", architecture.decoder_layers, ("SelfAttention", "EncDecAttention", "DenseReluDense")),
    )
    for stack, blocks, inner in stacks:
        for block in range(blocks):
            for position, module in enumerate(inner):
                yield f"{stack}.block.{block}.layer.{position}", stack, block, module


def _matrices(architecture: Architecture, wanted: tuple[str, ...]) -> Iterator[Place]:
    wide = ("wi_0", "wi_1", "wo") if architecture.gated else ("wi", "wo")
    for name, stack, block, inner in _sublayers(architecture):
        for module in wide if inner == "DenseReluDense" else ATTENTION:
            if module.split("_")[0] in wanted:
                yield Place(f"{name}.{inner}.{module}", stack, block, KINDS[inner], module)


def _adapters(architecture: Architecture, config: AdapterConfig) -> Iterator[Place]:
    houlsby = config.placement == "houlsby"
    followed = ("SelfAttention", "DenseReluDense") if houlsby else ("DenseReluDense",)
    ending = ".dropout.adapter" if houlsby else ".adapter"  # see peft_core/methods/adapter.py
    for name, stack, block, inner in _sublayers(architecture):
        if inner in followed:
            yield Place(name + ending, stack, block, KINDS[inner])
