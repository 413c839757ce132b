"""The methods, a folder each: `method.py` says what can be chosen, without torch; `layer.py` opens with the equation.

`apply_method` is the one door to all of them. Importing this package loads no torch: a method's layer is imported when
it is applied.
"""

from typing import TYPE_CHECKING

from peft_core.errors import PeftClassroomError

if TYPE_CHECKING:
    from torch import nn

    from peft_core.methods.method import MethodConfig

APPLIED = "peft_classroom_method"  # the attribute of a model that says what was put on it


def apply_method(model: "nn.Module", config: "MethodConfig", prompt_ids: list[int] | None = None) -> "nn.Module":
    """Freeze `model`, add the method's parameters, return what is to be trained.

    What moves is what has `requires_grad`: optimizer, count and checkpoint follow from that alone. `prompt_ids` are
    the token ids of the words that a method starts from (`MethodConfig.start_text`).

    Raises:
        UnknownMethodError: if there is no such method.
        PeftClassroomError: if the model is no T5, or a method has been put on it already.
    """
    from peft_core.methods.registry import method_label, method_of  # which imports this package first

    method = method_of(config)
    if there := getattr(model, APPLIED, ""):
        raise PeftClassroomError(
            f"This model already has {there}. Take another one: `backbone.replica()`, or `backbone.own_copy()`."
        )
    if getattr(getattr(model, "config", None), "model_type", "") != "t5":
        raise PeftClassroomError(
            f"Methods are put on a T5 with an encoder and a decoder; this model is a {type(model).__name__}."
        )
    applied = method.layer.apply(model, config, prompt_ids)
    if not method.owns_weights:  # a model whose own weights have been trained is a model like any other
        for each in (model, applied):  # one and the same, unless the method stands around the T5
            setattr(each, APPLIED, method_label(config))
    return applied


def unread_numbers(model: "nn.Module", config: "MethodConfig") -> int:
    """How many of the numbers that train no part of `model` reads; a layer that has such says so (`unread`)."""
    from peft_core.methods.registry import method_of

    unread = getattr(method_of(config).layer, "unread", None)
    return unread(model) if unread else 0


def trainable_tensors(model: "nn.Module") -> "dict[str, nn.Parameter]":
    """The parameters that training moves, by name."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}
