"""Weights that a model keeps in bf16 have a copy in fp32: AdamW moves that one, so that no small update is lost."""

from collections.abc import Mapping

import torch
from torch import nn
from torch.optim import Optimizer

ADAM_STATE = ("step", "exp_avg", "exp_avg_sq")


class Masters(dict[str, nn.Parameter]):
    """The fp32 weights behind parameters of a model, by name.

    Args:
        of_model: the parameters. One in fp32 is its own master.
        before_cast: the model is in fp32 still, and is about to be cast: every parameter gets a copy.
    """

    def __init__(self, of_model: Mapping[str, nn.Parameter], before_cast: bool = False) -> None:
        copied = {n: p for n, p in of_model.items() if before_cast or p.dtype != torch.float32}
        super().__init__(
            of_model | {n: nn.Parameter(p.detach().to(torch.float32, copy=True)) for n, p in copied.items()}
        )
        self._copied = copied

    @torch.no_grad()
    def to_model(self) -> None:
        """Round what the optimizer moved into the model, where the model keeps it in another precision."""
        for name, parameter in self._copied.items():
            parameter.copy_(self[name])

    def adam_state(self, optimizer: Optimizer) -> dict[str, torch.Tensor]:
        """What AdamW remembers of each weight, on the CPU, named `exp_avg.NAME` and the like."""
        return {
            f"{key}.{name}": value.detach().cpu().contiguous()
            for name, weight in self.items()
            for key, value in optimizer.state.get(weight, {}).items()
        }

    def load_adam_state(self, optimizer: Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
        """Give it back. A weight that no step has moved has none."""
        for name, weight in self.items():
            if f"step.{name}" in tensors:  # all on the weight's device, as fused AdamW keeps them
                optimizer.state[weight] = {key: tensors[f"{key}.{name}"].to(weight.device) for key in ADAM_STATE}
