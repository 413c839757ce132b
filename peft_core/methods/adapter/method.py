"""Bottleneck adapter: what can be chosen. No torch here."""

from typing import Literal

from pydantic import Field

from peft_core.methods.method import MethodConfig


class AdapterConfig(MethodConfig):
    """Bottleneck adapter (Houlsby et al. 2019; Pfeiffer et al. 2021): down, non-linearity, up, residual."""

    method: Literal["adapter"] = "adapter"
    bottleneck_dim: int = Field(8, ge=1, le=4096, description="width of the bottleneck, m")
    placement: Literal["pfeiffer", "houlsby"] = Field(
        "pfeiffer", description="one adapter a block after the feed-forward sub-layer, or a second after self-attention"
    )
    non_linearity: Literal["relu", "gelu", "silu", "tanh"] = "relu"
