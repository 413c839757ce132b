"""The four methods. Each file opens with its equation; `apply_method` is the one door to all of them."""

from torch import nn

from peft_core.configs import AdapterConfig, FullConfig, LoraConfig, MethodConfig, SoftPromptConfig
from peft_core.errors import UnknownMethodError
from peft_core.methods import adapter, full, lora, soft_prompt


def apply_method(model: nn.Module, config: MethodConfig, prompt_ids: list[int] | None = None) -> nn.Module:
    """Freeze `model`, add the method's parameters, return what is to be trained.

    What moves is what has `requires_grad`: optimizer, count and checkpoint follow from that alone. `prompt_ids` are
    the token ids of a soft prompt's `prompt_text`.
    """
    if isinstance(config, FullConfig):
        return full.apply(model, config)
    if isinstance(config, AdapterConfig):
        return adapter.apply(model, config)
    if isinstance(config, LoraConfig):
        return lora.apply(model, config)
    if isinstance(config, SoftPromptConfig):
        return soft_prompt.apply(model, config, prompt_ids)
    raise UnknownMethodError(config, "apply_method")


def trainable_tensors(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that training moves, by name."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}
