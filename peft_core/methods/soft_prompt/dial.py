"""A dial on a trained soft prompt: how many of its rows are read."""

from torch import nn

from peft_core.methods.common import blend_numbers
from peft_core.methods.soft_prompt.layer import SoftPromptModel

blend = blend_numbers


def rows(model: SoftPromptModel) -> int:
    """How many there are."""
    return len(model.prompt_embeddings)


def keep_rows(model: SoftPromptModel, n: int) -> None:
    """The first n."""
    model.prompt_embeddings = nn.Parameter(model.prompt_embeddings.detach()[:n].clone())
