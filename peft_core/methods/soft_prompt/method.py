"""Soft prompt: what can be chosen. No torch here."""

from typing import Literal

from pydantic import Field

from peft_core.methods.method import MethodConfig


class SoftPromptConfig(MethodConfig):
    """Soft prompt (Lester et al. 2021): trainable rows in front of the encoder's input embeddings."""

    method: Literal["soft_prompt"] = "soft_prompt"
    num_virtual_tokens: int = Field(10, ge=1, le=200, description="rows of the prompt matrix, n")
    prompt_init: Literal["vocab", "random", "text"] = Field(
        "vocab", description="start from random rows of the vocabulary, from N(0, 1), or from the words of prompt_text"
    )
    prompt_text: str | None = Field(None, max_length=500, description="used by prompt_init 'text', repeated to n rows")
