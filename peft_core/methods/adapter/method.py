"""Bottleneck adapter: what can be chosen, counted and stored. No torch here."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from peft_core.methods.adapter import folder
from peft_core.methods.method import CountLine, Knob, Look, Method, MethodConfig, blocks
from peft_core.t5.architecture import Architecture
from peft_core.t5.names import INNER, LAYERS, SUBLAYERS, Layer, Place, Stack, sublayers
from peft_core.t5.parts import Part

if TYPE_CHECKING:
    from peft_core.methods.reading import Reading

Placement = Literal["pfeiffer", "houlsby", "parallel"]
NonLinearity = Literal[
    "relu", "gelu", "silu", "tanh", "gelu_new", "quick_gelu", "leakyrelu", "relu6", "sigmoid", "mish", "linear"
]
# The sub-layers of a block that have an adapter, where nothing else is said
ADAPTED: dict[str, tuple[Layer, ...]] = {
    "pfeiffer": ("feed-forward",),
    "houlsby": ("self-attention", "feed-forward"),
    "parallel": ("feed-forward",),
}


class AdapterConfig(MethodConfig):
    """Bottleneck adapter (Houlsby et al. 2019; Pfeiffer et al. 2021; He et al. 2022): down, non-linearity, up."""

    method: Literal["adapter"] = "adapter"
    bottleneck_dim: int = Field(8, ge=1, le=4096, description="width of the bottleneck, m")
    placement: Placement = Field(
        "pfeiffer",
        description="one adapter a block after the feed-forward sub-layer (pfeiffer) or beside it (parallel), or a "
        "second after self-attention (houlsby)",
    )
    non_linearity: NonLinearity = Field("relu", description="between down and up")
    adapter_init: Literal["zero", "houlsby", "bert", "linear"] = Field(
        "zero",
        description="start: way up 0 (zero), near 0 with σ = 0.01 (houlsby) or 0.02 (bert), or nn.Linear's (linear)",
    )
    adapter_scaling: float = Field(
        1.0, allow_inf_nan=False, description="factor in front of what the adapter adds, 4 in He et al. 2022"
    )
    adapted: tuple[Layer, ...] = Field(
        (), description="which sub-layers have an adapter, where it is not those of the placement"
    )
    leave_out: tuple[int, ...] = Field(
        (), description="blocks without adapters, from 0: the encoder's, then the decoder's"
    )

    @field_validator("leave_out", mode="after")
    @classmethod
    def _in_order(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if value and min(value) < 0:
            raise ValueError("blocks are counted from 0")
        return tuple(sorted(set(value)))

    @model_validator(mode="after")
    def _said_in_one_way(self) -> "AdapterConfig":
        """What the placement means by itself is not said again: two configurations of one model are equal."""
        ordered = tuple(layer for layer in LAYERS if layer in self.adapted)
        object.__setattr__(self, "adapted", () if ordered == ADAPTED[self.placement] else ordered)
        return self

    @property
    def sublayers(self) -> tuple[Layer, ...]:
        """The kinds of sub-layers that have an adapter, in the order of a block."""
        return self.adapted or ADAPTED[self.placement]

    def stands_at(self, architecture: Architecture, stack: Stack, block: int, layer: Layer) -> bool:
        """Whether there is an adapter at this sub-layer of this block, both of one stack."""
        number = block + (architecture.encoder_layers if stack == "decoder" else 0)
        return layer in self.sublayers and number not in self.leave_out


class Adapter(Method):
    """Stored as an AdapterHub folder."""

    config = AdapterConfig
    examples: ClassVar = {
        "pfeiffer": AdapterConfig(bottleneck_dim=3),
        "houlsby": AdapterConfig(bottleneck_dim=5, placement="houlsby", non_linearity="gelu"),
        "near": AdapterConfig(bottleneck_dim=2, non_linearity="silu", adapter_init="bert"),
        "parallel": AdapterConfig(bottleneck_dim=4, placement="parallel", adapter_scaling=4.0),
        "everywhere": AdapterConfig(bottleneck_dim=2, adapted=LAYERS, leave_out=(1, 2), non_linearity="leakyrelu"),
        "cross": AdapterConfig(
            bottleneck_dim=3, placement="houlsby", adapted=LAYERS, adapter_scaling=0.5, non_linearity="gelu_new"
        ),
    }
    position = 2
    look = Look("#0072B2", "#56B4E9", "triangle-up")
    learning_rate = 4e-3
    weights_file = "adapter.safetensors"
    knob = Knob("bottleneck_dim", "bottleneck")
    free_fields = start_fields = frozenset({"adapter_init"})

    def starts_as_base(self, config: AdapterConfig) -> bool:
        return config.adapter_init == "zero"

    def label(self, config: AdapterConfig) -> str:
        return f"Adapter m={config.bottleneck_dim}, {config.placement.capitalize()}"

    def added(self, architecture: Architecture, config: AdapterConfig) -> Iterator[CountLine]:
        """(d + 1)·m + (m + 1)·d for each adapter (Houlsby et al. 2019, section 2.1)."""
        m, d = config.bottleneck_dim, architecture.d_model
        one = (d + 1) * m + (m + 1) * d
        first = 0  # block of the stack, as `leave_out` counts
        for stack, number in (("encoder", architecture.encoder_layers), ("decoder", architecture.decoder_layers)):
            number -= sum(first <= block < first + number for block in config.leave_out)
            first = architecture.encoder_layers
            for kind in config.sublayers:
                if number and (stack, kind) != ("encoder", "cross-attention"):
                    product = f"{blocks(number)} × (({d:,}+1)·{m} + ({m}+1)·{d:,})"
                    yield CountLine(Part(kind, stack, behind=True), product, number * one)

    def places(self, architecture: Architecture, config: AdapterConfig) -> Iterator[Place]:
        ending = ".dropout.adapter" if config.placement == "houlsby" else ".adapter"  # where layer.py puts it
        for name, stack, block, layer in sublayers(architecture):
            if config.stands_at(architecture, stack, block, layer):
                yield Place(name + ending, stack, block, layer)

    def stored_name(self, name: str) -> str:
        """….layer.1.adapter.adapter_down.weight → ….layer.1.adapters.classroom.adapter_down.0.weight"""
        name = name.replace(".dropout.adapter.", ".adapter.")
        name = name.replace(".adapter.", f".adapters.{folder.ADAPTER_NAME}.")
        return re.sub(r"\.adapter_down\.(weight|bias)$", r".adapter_down.0.\1", name)

    def description(self, config: AdapterConfig, architecture: Architecture, base: str) -> dict:
        return folder.description(config, architecture, base)

    def recognises(self, description: Mapping[str, Any]) -> bool:
        return folder.recognises(description)

    def read(self, description: Mapping[str, Any], architecture: Architecture) -> "Reading":
        return folder.read(description, architecture, AdapterConfig)

    def adopt(self, tensors: Mapping[str, Any], config: AdapterConfig) -> tuple[dict[str, Any], tuple[str, ...]]:
        return folder.adopt(tensors)

    def libraries(self, config: AdapterConfig) -> tuple[str, ...]:
        """None starts an adapter as nn.Linear starts itself; OpenDelta has none beside a sub-layer, none scaled."""
        if config.adapter_init not in folder.INITS:
            return ()
        plain = config.placement != "parallel" and config.adapter_scaling == 1 and not config.leave_out
        return tuple(name for name in super().libraries(config) if name != "opendelta" or plain)

    def template_values(self, config: AdapterConfig, architecture: Architecture, library: str) -> dict[str, Any]:
        return {
            "activation": folder.NON_LINEARITIES.get(config.non_linearity, config.non_linearity),
            "reduction_factor": folder.reduction_factor_written(architecture.d_model, config.bottleneck_dim),
            "modules": _followed(config),
        }


def _followed(config: AdapterConfig) -> list[str]:
    """The modules that OpenDelta's adapter stands behind: a sub-layer's last matrix, or the whole sub-layer."""
    if config.placement == "houlsby":
        return [f"{INNER[layer]}.{'wo' if layer == 'feed-forward' else 'o'}" for layer in config.sublayers]
    return [
        f"[r]{stack}.block.[0-9]+.layer.{number}"
        for stack, layers in SUBLAYERS.items()
        for number, layer in enumerate(layers)
        if layer in config.sublayers
    ]


METHOD = Adapter()
