"""Bottleneck adapter: what can be chosen, counted and stored. No torch here."""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from peft_core.methods.method import CountLine, Knob, Look, Method, MethodConfig, blocks
from peft_core.t5.architecture import Architecture
from peft_core.t5.names import Place, sublayers
from peft_core.t5.parts import Part

ADAPTER_NAME = "classroom"  # AdapterHub puts the adapter's name into every key
ADAPTERS_NON_LINEARITY = {"silu": "swish"}  # in AdapterHub's library, where its name differs from ours
# `init_weights` of AdapterHub's library; nn.Linear's own start has no name there
ADAPTERS_INIT = {"zero": "mam_adapter", "houlsby": "houlsby", "bert": "bert"}


class AdapterConfig(MethodConfig):
    """Bottleneck adapter (Houlsby et al. 2019; Pfeiffer et al. 2021): down, non-linearity, up, residual."""

    method: Literal["adapter"] = "adapter"
    bottleneck_dim: int = Field(8, ge=1, le=4096, description="width of the bottleneck, m")
    placement: Literal["pfeiffer", "houlsby"] = Field(
        "pfeiffer", description="one adapter a block after the feed-forward sub-layer, or a second after self-attention"
    )
    non_linearity: Literal["relu", "gelu", "silu", "tanh"] = Field("relu", description="between down and up")
    adapter_init: Literal["zero", "houlsby", "bert", "linear"] = Field(
        "zero",
        description="start: way up 0 (zero), near 0 with σ = 0.01 (houlsby) or 0.02 (bert), or nn.Linear's (linear)",
    )


class Adapter(Method):
    """Stored as an AdapterHub folder."""

    config = AdapterConfig
    examples: ClassVar = {
        "pfeiffer": AdapterConfig(bottleneck_dim=3),
        "houlsby": AdapterConfig(bottleneck_dim=5, placement="houlsby", non_linearity="gelu"),
        "near": AdapterConfig(bottleneck_dim=2, non_linearity="silu", adapter_init="bert"),
    }
    position = 2
    look = Look("#0072B2", "#56B4E9", "triangle-up")
    learning_rate = 4e-3
    weights_file = "adapter.safetensors"
    knob = Knob("bottleneck_dim", "bottleneck")
    free_fields = frozenset({"adapter_init"})

    def starts_as_base(self, config: AdapterConfig) -> bool:
        return config.adapter_init == "zero"

    def label(self, config: AdapterConfig) -> str:
        return f"Adapter m={config.bottleneck_dim}, {config.placement.capitalize()}"

    def added(self, architecture: Architecture, config: AdapterConfig) -> Iterator[CountLine]:
        """(d + 1)·m + (m + 1)·d for each adapter (Houlsby et al. 2019, section 2.1)."""
        m, d = config.bottleneck_dim, architecture.d_model
        one = (d + 1) * m + (m + 1) * d
        followed = ("self-attention", "feed-forward") if config.placement == "houlsby" else ("feed-forward",)
        for stack, number in (("encoder", architecture.encoder_layers), ("decoder", architecture.decoder_layers)):
            for kind in followed:
                product = f"{blocks(number)} × (({d:,}+1)·{m} + ({m}+1)·{d:,})"
                yield CountLine(Part(kind, stack, behind=True), product, number * one)

    def places(self, architecture: Architecture, config: AdapterConfig) -> Iterator[Place]:
        houlsby = config.placement == "houlsby"
        followed = ("self-attention", "feed-forward") if houlsby else ("feed-forward",)
        ending = ".dropout.adapter" if houlsby else ".adapter"  # where layer.py puts it
        for name, stack, block, layer in sublayers(architecture):
            if layer in followed:
                yield Place(name + ending, stack, block, layer)

    def stored_name(self, name: str) -> str:
        """….layer.1.adapter.adapter_down.weight → ….layer.1.adapters.classroom.adapter_down.0.weight"""
        name = name.replace(".dropout.adapter.", ".adapter.")
        name = name.replace(".adapter.", f".adapters.{ADAPTER_NAME}.")
        return re.sub(r"\.adapter_down\.(weight|bias)$", r".adapter_down.0.\1", name)

    def description(self, config: AdapterConfig, architecture: Architecture, base: str) -> dict:
        houlsby = config.placement == "houlsby"
        return {
            "config": {
                "adapter_residual_before_ln": False,
                "cross_adapter": False,
                "dropout": 0.0,
                "init_weights": ADAPTERS_INIT.get(config.adapter_init, "bert"),  # what is loaded takes its place
                "inv_adapter": None,
                "inv_adapter_reduction_factor": None,
                "is_parallel": False,
                "leave_out": [],
                "ln_after": False,
                "ln_before": False,
                "mh_adapter": houlsby,
                "non_linearity": config.non_linearity,
                "original_ln_after": True,
                "original_ln_before": not houlsby,
                "output_adapter": True,
                "phm_layer": False,
                "reduction_factor": reduction_factor(architecture.d_model, config.bottleneck_dim),
                "residual_before_ln": True,
                "scaling": 1.0,
                "use_gating": False,
            },
            "hidden_size": architecture.d_model,
            "model_class": "T5ForConditionalGeneration",
            "model_name": base,
            "model_type": "t5",
            "name": ADAPTER_NAME,
            "version": "adapters.1.3.0",
        }

    def libraries(self, config: AdapterConfig) -> tuple[str, ...]:
        """None of them starts an adapter as nn.Linear starts itself."""
        return super().libraries(config) if config.adapter_init in ADAPTERS_INIT else ()

    def template_values(self, config: AdapterConfig, architecture: Architecture, library: str) -> dict[str, Any]:
        return {
            "activation": ADAPTERS_NON_LINEARITY.get(config.non_linearity, config.non_linearity),
            "reduction_factor": reduction_factor_written(architecture.d_model, config.bottleneck_dim),
        }


def reduction_factor(d_model: int, bottleneck_dim: int) -> float:
    """d_model / bottleneck_dim, which AdapterHub turns back with int(d_model // reduction_factor)."""
    return d_model / _divisor(d_model, bottleneck_dim)


def reduction_factor_written(d_model: int, bottleneck_dim: int) -> str:
    """The same as Python: a whole number where it is one, otherwise the quotient."""
    if d_model % bottleneck_dim == 0:
        return str(d_model // bottleneck_dim)
    return f"{d_model} / {_divisor(d_model, bottleneck_dim)}"


def _divisor(d_model: int, bottleneck_dim: int) -> float:
    """The bottleneck, or a quarter more where rounding would cost one (256 / 24 may come out a little too large)."""
    exact = int(d_model // (d_model / bottleneck_dim)) == bottleneck_dim
    return bottleneck_dim if exact else bottleneck_dim + 0.25


METHOD = Adapter()
