"""The methods, a folder each: `method.py` says what can be chosen, without torch; `layer.py` opens with the equation.

`apply_method` is the one door to all of them. Importing this package loads no torch: a method's layer is imported when
it is applied.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from peft_core.methods.method import MethodConfig


def apply_method(model: "nn.Module", config: "MethodConfig", prompt_ids: list[int] | None = None) -> "nn.Module":
    """Freeze `model`, add the method's parameters, return what is to be trained.

    What moves is what has `requires_grad`: optimizer, count and checkpoint follow from that alone. `prompt_ids` are
    the token ids of the words that a method starts from (`MethodConfig.start_text`).

    Raises:
        UnknownMethodError: if there is no such method.
    """
    from peft_core.methods.registry import method_of  # which imports this package first

    return method_of(config).layer.apply(model, config, prompt_ids)


def trainable_tensors(model: "nn.Module") -> "dict[str, nn.Parameter]":
    """The parameters that training moves, by name."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}
