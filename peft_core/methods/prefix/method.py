"""Prefix tuning: what can be chosen, counted, stored and read. No torch here.

The matrix holds `num_layers` pairs of keys and values. Which of them a block of the decoder reads is peft's doing, and
kept here: peft lays keys and values for self- and cross-attention side by side, four to a block, repeats the matrix to
fill them, and drops the two for cross-attention. So block b reads pair 2b, counted on from the first again where the
matrix ends; with an even number of pairs, half of them are read by nobody.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from peft_core.errors import PeftClassroomError
from peft_core.methods.method import CountLine, Look, Method, MethodConfig
from peft_core.methods.reading import OF_ANY_PEFT_FILE, Reading, check_settings, written
from peft_core.t5.architecture import Architecture
from peft_core.t5.names import Place
from peft_core.t5.parts import Part
from peft_core.validated import validated


class PrefixConfig(MethodConfig):
    """Prefix tuning (Li & Liang 2021) as peft has it for a T5: keys and values in front of the decoder's own."""

    method: Literal["prefix"] = "prefix"
    num_virtual_tokens: int = Field(10, ge=1, le=200, description="keys and values of each pair, n")
    prompt_init: Literal["random", "zero"] = Field(
        "random", description="start from N(0, 1) (random), or from keys and values that are zero (zero)"
    )
    num_layers: int | None = Field(
        None,
        ge=1,
        le=200,
        description="pairs of keys and values in the matrix; not given: the encoder's blocks, as peft",
    )

    def pairs(self, encoder_layers: int) -> int:
        """How many pairs of keys and values the matrix has. peft takes the encoder's number of blocks."""
        return self.num_layers or encoder_layers


def pair_of(block: int, pairs: int) -> int:
    """Which pair the decoder's block reads."""
    return 2 * block % pairs


def pairs_read(decoder_layers: int, pairs: int) -> list[int]:
    """The pairs that some block of the decoder reads, each once."""
    return sorted({pair_of(block, pairs) for block in range(decoder_layers)})


class Prefix(Method):
    """Stored as a Hugging Face PEFT folder."""

    config = PrefixConfig
    examples: ClassVar = {
        "": PrefixConfig(num_virtual_tokens=5),
        "zero": PrefixConfig(num_virtual_tokens=3, prompt_init="zero", num_layers=3),
    }
    position = 6
    look = Look("#8A7A00", "#F0E442", "triangle-right")
    learning_rate = 0.1
    weights_file = "adapter_model.safetensors"
    free_fields = frozenset({"prompt_init"})

    def starts_as_base(self, config: PrefixConfig) -> bool:
        return False  # the start token's attention has n more keys, be they zero

    def label(self, config: PrefixConfig) -> str:
        return f"Prefix n={config.num_virtual_tokens}"

    def added(self, architecture: Architecture, config: PrefixConfig) -> Iterator[CountLine]:
        """n keys and n values of all heads for each pair (Li & Liang 2021, section 4.2), read or not."""
        n, pairs, size = config.num_virtual_tokens, config.pairs(architecture.encoder_layers), architecture.inner_dim
        written = f"{pairs} pair{'s' * (pairs > 1)}"
        yield CountLine(
            Part("self-attention", "decoder"), f"{written} × 2 (k, v) × {n} × {size:,}", pairs * 2 * n * size
        )

    def places(self, architecture: Architecture, config: PrefixConfig) -> Iterator[Place]:
        """The decoder's self-attentions."""
        for block in range(architecture.decoder_layers):
            yield Place(f"decoder.block.{block}.layer.0.SelfAttention", "decoder", block, "self-attention")

    def template_values(self, config: PrefixConfig, architecture: Architecture, library: str) -> dict[str, Any]:
        a = architecture
        return {"token_dim": a.inner_dim if a.inner_dim != a.d_model else None}

    def stored_name(self, name: str) -> str:
        """peft stores one matrix, and no names of a T5's modules."""
        return "prompt_embeddings"

    def description(self, config: PrefixConfig, architecture: Architecture, base: str) -> dict:
        return {
            "peft_type": "PREFIX_TUNING",
            "task_type": "SEQ_2_SEQ_LM",
            "base_model_name_or_path": base,
            "revision": None,
            "num_virtual_tokens": config.num_virtual_tokens,
            "num_transformer_submodules": 2,
            "token_dim": architecture.inner_dim,  # peft's default is d_model, which is not always the heads' size
            "num_attention_heads": architecture.num_heads,
            "num_layers": config.pairs(architecture.encoder_layers),
            "encoder_hidden_size": architecture.inner_dim,
            "prefix_projection": False,
            "init_weights": "zero" if config.prompt_init == "zero" else None,
            "inference_mode": True,
        }

    def recognises(self, description: Mapping[str, Any]) -> bool:
        return description.get("peft_type") == "PREFIX_TUNING"

    def read(self, description: Mapping[str, Any], architecture: Architecture) -> Reading:
        """A prefix that was trained through a projection is stored as what the projection made of it."""
        a = architecture
        known = {
            # peft would leave the prefix out, and fill the decoder's cross-attention with it
            "task_type": ("SEQ_2_SEQ_LM",),
            "num_transformer_submodules": (None, 2),
            "token_dim": (None, a.inner_dim),
            "num_attention_heads": (None, a.num_heads),
            "init_weights": (None, "zero"),
            "prefix_projection": (None, False, True),
        } | dict.fromkeys(("num_virtual_tokens", "num_layers", "encoder_hidden_size"))
        check_settings({"task_type": None} | dict(description), OF_ANY_PEFT_FILE | known, "peft")
        if description.get("token_dim") is None and a.inner_dim != a.d_model:
            raise PeftClassroomError(
                f"peft's setting token_dim is not given, and peft then takes {a.d_model}. The heads of this model have "
                f"{a.inner_dim} numbers: peft itself cannot compute it."
            )
        pairs = description.get("num_layers")
        if isinstance(pairs, int) and pairs < a.decoder_layers:
            raise PeftClassroomError(
                f"peft's setting num_layers = {written(pairs)} is not supported here: the decoder has "
                f"{a.decoder_layers} blocks, and peft itself cannot compute it."
            )
        config = validated(
            lambda: PrefixConfig(
                num_virtual_tokens=description.get("num_virtual_tokens"),
                prompt_init="zero" if description.get("init_weights") else "random",
                num_layers=None if pairs == a.encoder_layers else pairs,
            )
        )
        projected = ("It was trained through a projection, and holds what that made of it.",)
        return Reading(config, projected if description.get("prefix_projection") else ())


METHOD = Prefix()
