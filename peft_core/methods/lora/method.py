"""LoRA: what can be chosen, counted and stored. No torch here."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from peft_core.errors import PeftClassroomError
from peft_core.methods.method import CountLine, Knob, Look, Method, MethodConfig, blocks
from peft_core.t5.architecture import Architecture
from peft_core.t5.names import Place, feed_forward, matrices
from peft_core.t5.parts import Part

TARGET_MODULES = ("q", "k", "v", "o", "wi", "wo")


class LoraConfig(MethodConfig):
    """LoRA (Hu et al. 2021): W₀x + (alpha / r)·B·A·x with A (r, in) and B (out, r)."""

    method: Literal["lora"] = "lora"
    r: int = Field(8, ge=1, le=1024, description="rank of the update")
    alpha: float = Field(16.0, gt=0, le=4096, description="scaling = alpha / r")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout on the input of A only")
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


class Lora(Method):
    """Stored as a Hugging Face PEFT folder."""

    config = LoraConfig
    examples: ClassVar = {
        "": LoraConfig(r=4, alpha=6),
        "all": LoraConfig(r=2, alpha=8, target_modules=TARGET_MODULES),
    }
    position = 3
    look = Look("#CC79A7", "#E39BC3", "cross")
    learning_rate = 2e-3
    weights_file = "adapter_model.safetensors"
    knob = Knob("r", "rank")
    changes_matrices = True
    free_fields = frozenset({"alpha"})

    def label(self, config: LoraConfig) -> str:
        return f"LoRA r={config.r}"

    def added(self, architecture: Architecture, config: LoraConfig) -> Iterator[CountLine]:
        """r · (in + out) for each wrapped linear layer (Hu et al. 2021, section 4.1)."""
        a, r = architecture, config.r
        attention = [name for name in config.target_modules if name in ("q", "k", "v", "o")]
        wide = []
        if "wi" in config.target_modules:
            wide += ["wi_0", "wi_1"] if a.gated else ["wi"]
        if "wo" in config.target_modules:
            wide += ["wo"]
        for part, number, names, sizes in (
            (Part("self-attention", "encoder"), a.encoder_layers, attention, (a.d_model, a.inner_dim)),
            (Part("feed-forward", "encoder"), a.encoder_layers, wide, (a.d_model, a.d_ff)),
            (Part("self-attention", "decoder"), a.decoder_layers, attention, (a.d_model, a.inner_dim)),
            (Part("cross-attention", "decoder"), a.decoder_layers, attention, (a.d_model, a.inner_dim)),
            (Part("feed-forward", "decoder"), a.decoder_layers, wide, (a.d_model, a.d_ff)),
        ):
            if names:
                product = f"{blocks(number)} × {len(names)} ({', '.join(names)}) × {r}·({sizes[0]:,}+{sizes[1]:,})"
                yield CountLine(part, product, number * len(names) * r * sum(sizes))

    def places(self, architecture: Architecture, config: LoraConfig) -> Iterator[Place]:
        yield from matrices(architecture, config.target_modules)

    def stored_name(self, name: str) -> str:
        """….SelfAttention.q.lora_A → base_model.model.….SelfAttention.q.lora_A.weight"""
        return f"base_model.model.{name}.weight"

    def description(self, config: LoraConfig, architecture: Architecture, base: str) -> dict:
        return {
            "peft_type": "LORA",
            "task_type": "SEQ_2_SEQ_LM",
            "base_model_name_or_path": base,
            "revision": None,
            "r": config.r,
            "lora_alpha": config.alpha,
            "lora_dropout": config.dropout,
            "target_modules": _written_out(config, architecture.gated),
            "bias": "none",
            "fan_in_fan_out": False,
            "inference_mode": True,
            "init_lora_weights": True,
            "modules_to_save": None,
            "rank_pattern": {},
            "alpha_pattern": {},
            "use_rslora": False,
            "use_dora": False,
        }

    def libraries(self, config: LoraConfig) -> tuple[str, ...]:
        """AdapterHub's adapters has no LoRA on o."""
        found = super().libraries(config)
        return tuple(name for name in found if name != "adapters" or "o" not in config.target_modules)

    def template_values(self, config: LoraConfig, architecture: Architecture, library: str) -> dict[str, Any]:
        if library == "adapters" and architecture.gated and "wi" in config.target_modules:
            raise PeftClassroomError("For a gated T5, adapters has LoRA on wi_1 but not on wi_0. Choose peft.")
        return {"targets": _written_out(config, architecture.gated)}


def _written_out(config: LoraConfig, gated: bool) -> list[str]:
    """Names of the wrapped layers; a gated T5 has wi_0 and wi_1 for wi."""
    wi = [name for name in feed_forward(gated) if name != "wo"]
    return [part for name in config.target_modules for part in (wi if name == "wi" else (name,))]


METHOD = Lora()
