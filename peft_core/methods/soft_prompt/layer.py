"""Soft prompt: trainable rows in front of the embedded input (Lester et al. 2021, section 2).

    encoder input = [P₁ … P_n ; E(x₁) … E(x_T)]        attention mask = [1 … 1 ; mask]

    P  (n, d)    trainable        E(x)  (T, d)    frozen

The decoder is unchanged. Unlike the other methods this one changes the model's output at step 0 already: the encoder
reads n more positions than before.
"""

import torch
from torch import nn

from peft_core.errors import PeftClassroomError
from peft_core.methods.common import InFront, freeze
from peft_core.methods.soft_prompt.method import SoftPromptConfig


class SoftPromptModel(InFront):
    """A frozen T5 that reads its input behind a trainable prompt."""

    def __init__(self, model: nn.Module, prompt: torch.Tensor) -> None:
        super().__init__(model)
        self.prompt_embeddings = nn.Parameter(prompt)

    @property
    def rows(self) -> torch.Tensor:
        return self.prompt_embeddings


PACKED = (SoftPromptModel,)


def apply(model: nn.Module, config: SoftPromptConfig, prompt_ids: list[int] | None = None) -> SoftPromptModel:
    """Freeze `model` and put it behind a new prompt.

    Args:
        prompt_ids: token ids of `config.prompt_text`, for prompt_init "text"; repeated or cut to n rows.

    Raises:
        PeftClassroomError: if prompt_init is "text" and there are no prompt_ids.
    """
    freeze(model)
    return SoftPromptModel(model, _initial_prompt(model.shared.weight.detach(), config, prompt_ids))


def _initial_prompt(embeddings: torch.Tensor, config: SoftPromptConfig, prompt_ids: list[int] | None) -> torch.Tensor:
    """(n, d) fp32: N(0, 1), or embeddings of words, drawn or given. What each start does: benchmarks/step_zero.py."""
    n, device = config.num_virtual_tokens, embeddings.device
    if config.prompt_init == "random":
        return torch.randn(n, embeddings.shape[1], device=device)
    if config.prompt_init == "vocab":
        ids = torch.randint(0, len(embeddings), (n,), device=device)
    elif prompt_ids:
        ids = torch.tensor([prompt_ids[i % len(prompt_ids)] for i in range(n)], device=device)
    else:
        raise PeftClassroomError("A soft prompt that starts from text needs words: give prompt_text.")
    return embeddings[ids].float().clone()
