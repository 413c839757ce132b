"""The methods, a folder each: `method.py` says what can be chosen, without torch; `layer.py` opens with the equation.

`apply_method` is the one door to all of them. Importing this package loads no torch: a method's layer is imported when
it is applied.
"""

from typing import TYPE_CHECKING

from peft_core.errors import UnknownMethodError

if TYPE_CHECKING:
    from torch import nn

    from peft_core.methods.method import MethodConfig


def apply_method(model: "nn.Module", config: "MethodConfig", prompt_ids: list[int] | None = None) -> "nn.Module":
    """Freeze `model`, add the method's parameters, return what is to be trained.

    What moves is what has `requires_grad`: optimizer, count and checkpoint follow from that alone. `prompt_ids` are
    the token ids of a soft prompt's `prompt_text`.
    """
    match config.method:
        case "full":
            from peft_core.methods.full.layer import apply
        case "adapter":
            from peft_core.methods.adapter.layer import apply
        case "lora":
            from peft_core.methods.lora.layer import apply
        case "soft_prompt":
            from peft_core.methods.soft_prompt import layer

            return layer.apply(model, config, prompt_ids)
        case _:
            raise UnknownMethodError(config, "apply_method")
    return apply(model, config)


def trainable_tensors(model: "nn.Module") -> "dict[str, nn.Parameter]":
    """The parameters that training moves, by name."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}
