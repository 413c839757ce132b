"""What flows in and out of chosen modules while a model runs, and tensors made ready to be shown."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from peft_core.methods.steps import Operand, Tensor

CORNER = 32  # rows and columns that are kept of a weight matrix


class Recorder:
    """Records the first input and the output of modules, by name, between `with` and its end.

    Only for a module tree of one's own: hooks on a shared one would be seen by others.
    """

    def __init__(self, model: nn.Module, names: Iterable[str]) -> None:
        self._modules = {name: model.get_submodule(name) for name in names}
        self._hooks: list[Any] = []
        self.inputs: dict[str, torch.Tensor] = {}
        self.outputs: dict[str, Any] = {}

    def __enter__(self) -> "Recorder":
        self._hooks = [module.register_forward_hook(self._keep(name)) for name, module in self._modules.items()]
        return self

    def __exit__(self, *error: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def _keep(self, name: str):
        def hook(module: nn.Module, arguments: tuple, output: Any) -> None:
            self.inputs[name] = arguments[0]
            self.outputs[name] = output

        return hook


def operand(name: str, tensor: torch.Tensor) -> Operand:
    """Name, shape and norm."""
    return Operand(name, tuple(tensor.shape), tensor.float().norm().item())


def shown(name: str, tensor: torch.Tensor, *axes: str) -> Tensor:
    """The tensor with all its numbers, in fp32."""
    values = tensor.detach().float().cpu()
    return Tensor(name, tuple(values.shape), values.norm().item(), values.numpy().copy(), axes or ("feature",))


def corner(name: str, matrix: torch.Tensor) -> Tensor:
    """The upper left corner of a weight matrix; shape and norm are of all of it."""
    values = matrix.detach()[:CORNER, :CORNER].float().cpu().numpy().copy()
    return Tensor(name, tuple(matrix.shape), matrix.float().norm().item(), values, ("feature", "feature"))


def largest_difference(a: torch.Tensor, b: torch.Tensor) -> float:
    """The largest absolute difference between two tensors of one shape."""
    return (a - b).abs().max().item()


def ratio(part: Operand, whole: Operand) -> float:
    """Norm of `part` as a share of the norm of `whole`; 0 beside nothing."""
    return part.norm / whole.norm if whole.norm else 0.0


def first(output: Any) -> torch.Tensor:
    """What a module hands on: T5's attention layers return a tuple that starts with it."""
    return output[0] if isinstance(output, tuple) else output
