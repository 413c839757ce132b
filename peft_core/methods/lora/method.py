"""LoRA: what can be chosen. No torch here."""

from typing import Literal

from pydantic import Field, field_validator

from peft_core.methods.method import MethodConfig

TARGET_MODULES = ("q", "k", "v", "o", "wi", "wo")


class LoraConfig(MethodConfig):
    """LoRA (Hu et al. 2021): W₀x + (alpha / r)·B·A·x with A (r, in) and B (out, r)."""

    method: Literal["lora"] = "lora"
    r: int = Field(8, ge=1, le=1024, description="rank of the update")
    alpha: float = Field(16.0, gt=0, le=4096, description="scaling = alpha / r")
    dropout: float = Field(0.0, ge=0, lt=1, description="on the input of A only")
    target_modules: tuple[Literal["q", "k", "v", "o", "wi", "wo"], ...] = Field(
        ("q", "v"), min_length=1, description="which linear layers, in every attention including cross-attention"
    )

    @field_validator("target_modules", mode="after")
    @classmethod
    def _in_one_order(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in TARGET_MODULES if name in value)

    @property
    def scaling(self) -> float:
        """alpha / r, the factor in front of B·A·x."""
        return self.alpha / self.r
