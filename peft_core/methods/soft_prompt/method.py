"""Soft prompt: what can be chosen, counted and stored. No torch here."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from peft_core.errors import PeftClassroomError
from peft_core.methods.method import CountLine, Knob, Look, Method, MethodConfig
from peft_core.methods.reading import OF_ANY_PEFT_FILE, Reading, check_settings
from peft_core.t5.architecture import Architecture
from peft_core.t5.names import Place
from peft_core.t5.parts import Part
from peft_core.validated import validated

MAX_TEXT = 500  # characters of words to start from


class SoftPromptConfig(MethodConfig):
    """Soft prompt (Lester et al. 2021): trainable rows in front of the encoder's input embeddings."""

    method: Literal["soft_prompt"] = "soft_prompt"
    num_virtual_tokens: int = Field(10, ge=1, le=200, description="rows of the prompt matrix, n")
    prompt_init: Literal["vocab", "random", "text"] = Field(
        "vocab",
        description="start from random rows of the vocabulary (vocab), N(0, 1) (random), or prompt_text (text)",
    )
    prompt_text: str | None = Field(
        None, max_length=MAX_TEXT, description="words for prompt_init text, repeated to n rows"
    )

    @model_validator(mode="after")
    def _words_to_start_from(self) -> Self:
        if (self.prompt_init == "text") != (self.prompt_text is not None):
            raise PeftClassroomError("prompt_init text and prompt_text belong together: give both or neither.")
        return self

    @property
    def start_text(self) -> str | None:
        return self.prompt_text


class SoftPrompt(Method):
    """Stored as a Hugging Face PEFT folder."""

    config = SoftPromptConfig
    examples: ClassVar = {
        "vocab": SoftPromptConfig(num_virtual_tokens=5),
        "random": SoftPromptConfig(num_virtual_tokens=3, prompt_init="random"),
        "text": SoftPromptConfig(num_virtual_tokens=4, prompt_init="text", prompt_text="good film"),
    }
    position = 1
    look = Look("#E69F00", "#F0B429", "diamond")
    learning_rate = 0.3
    weights_file = "adapter_model.safetensors"
    knob = Knob("num_virtual_tokens", "tokens")
    free_fields = frozenset({"prompt_init", "prompt_text"})

    def libraries(self, config: SoftPromptConfig) -> tuple[str, ...]:
        """OpenDelta starts from no words of one's own."""
        return tuple(name for name in super().libraries(config) if name != "opendelta" or config.prompt_init != "text")

    def starts_as_base(self, config: SoftPromptConfig) -> bool:
        return False  # the encoder reads n more positions

    def label(self, config: SoftPromptConfig) -> str:
        return f"Soft prompt n={config.num_virtual_tokens}"

    def added(self, architecture: Architecture, config: SoftPromptConfig) -> Iterator[CountLine]:
        """n · d: one trainable row a virtual token, before the encoder's input only (Lester et al. 2021, section 2)."""
        n, d = config.num_virtual_tokens, architecture.d_model
        yield CountLine(Part("input"), f"{n} virtual tokens × {d:,}", n * d)

    def places(self, architecture: Architecture, config: SoftPromptConfig) -> Iterator[Place]:
        """The encoder's self-attentions, which are the layers that mix the prompt with the review."""
        for block in range(architecture.encoder_layers):
            yield Place(f"encoder.block.{block}.layer.0.SelfAttention", "encoder", block, "self-attention")

    def description(self, config: SoftPromptConfig, architecture: Architecture, base: str) -> dict:
        return {
            "peft_type": "PROMPT_TUNING",
            "task_type": "SEQ_2_SEQ_LM",
            "base_model_name_or_path": base,
            "num_virtual_tokens": config.num_virtual_tokens,
            "num_transformer_submodules": 1,  # peft's default for T5 is 2: rows that no forward pass ever uses
            "token_dim": architecture.d_model,
            "num_attention_heads": architecture.num_heads,
            "num_layers": architecture.encoder_layers,
            "prompt_tuning_init": "RANDOM",
            "inference_mode": True,
        }

    def recognises(self, description: Mapping[str, Any]) -> bool:
        return description.get("peft_type") == "PROMPT_TUNING"

    def read(self, description: Mapping[str, Any], architecture: Architecture) -> Reading:
        """n rows; where they started from is told by the file, and changes no answer."""
        anything = (
            "num_virtual_tokens", "num_attention_heads", "num_layers", "prompt_tuning_init", "prompt_tuning_init_text",
            "tokenizer_name_or_path", "tokenizer_kwargs",
        )  # fmt: skip
        known = {
            "task_type": (None, "SEQ_2_SEQ_LM"),
            "num_transformer_submodules": (None, 1, 2),
            "token_dim": (None, architecture.d_model),
        }
        check_settings(description, OF_ANY_PEFT_FILE | dict.fromkeys(anything) | known, "peft")
        words = str(description.get("prompt_tuning_init_text") or "")[:MAX_TEXT]
        starts = {"SAMPLE_VOCAB": "vocab", "TEXT": "text" if words else "random"}
        start = starts.get(str(description.get("prompt_tuning_init")), "random")
        config = validated(
            lambda: SoftPromptConfig(
                num_virtual_tokens=description.get("num_virtual_tokens"),
                prompt_init=start,
                prompt_text=words if start == "text" else None,
            )
        )
        ignored = "Its file names no task_type, and peft then computes without the prompt; here it is read."
        return Reading(config, () if description.get("task_type") else (ignored,))

    def adopt(self, tensors: Mapping[str, Any], config: SoftPromptConfig) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Left to itself, peft stores n more rows for the decoder, which its forward pass never reads."""
        found, n = dict(tensors), config.num_virtual_tokens
        rows = found.get("prompt_embeddings")
        if rows is None or len(rows) != 2 * n:
            return found, ()
        found["prompt_embeddings"] = rows[:n]
        return found, (f"Of its {2 * n} rows the first {n} are used, as peft does; the others were never read.",)


METHOD = SoftPrompt()
