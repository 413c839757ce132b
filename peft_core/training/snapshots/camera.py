"""Snapshots of a run while it trains: at every validation, and at ten points of every run, its start and end included.

What one holds is decided once, by what ten of them would take of the budget of 20 MB a run:

    tensors in fp32           where ten fit
    tensors, matrices bf16    where four fit; vectors stay in fp32, they are small and their changes are
    pictures                  else, and where the base's own weights train: ΔW of three places (`pictures.py`)
    nothing                   where the method has no such ΔW either: the accuracy alone

More moments than fit make room for one another, so that they stay spread (`moments.make_room`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save

from peft_core.checkpoints.record import Measured
from peft_core.methods.inside import At, hooks
from peft_core.methods.method import MethodConfig
from peft_core.methods.places import places
from peft_core.methods.registry import method_of
from peft_core.t5.architecture import Architecture
from peft_core.training.loop.gradients import kernels_of
from peft_core.training.loop.step_log import StepLog
from peft_core.training.snapshots import moments, pictures
from peft_core.training.snapshots.moments import BUDGET, POINTS, SAYS, Form, Moment

if TYPE_CHECKING:
    from pathlib import Path

    from peft_core.training.experiment import Experiment

FEWEST = 4  # moments of a run whose matrices are kept in bf16
HEADER = 200  # bytes that a tensor's name and shape take in a file


class Camera:
    """Takes the snapshots of one run into `folder`."""

    def __init__(self, folder: "Path", experiment: "Experiment") -> None:
        """
        Args:
            experiment: as it is about to train, on from a saved state or from its start: later moments are forgotten.
        """
        self.folder, self.trainer, self.config = folder, experiment.trainer, experiment.config
        self.architecture = experiment.backbone.base.architecture
        self.base = dict(experiment.backbone.model.named_parameters())
        self.form, self.narrow = form_of(self.config.method, self.trainer.weights)
        moments.rewind(folder, self.trainer.step if self.trainer.validations else None)
        self.newest = max(moments.steps_in(folder), default=0)

    def see(self, log: StepLog) -> None:
        """Take one, if it is time."""
        if log.event == "validation" or (log.event == "step" and self._due(log)):
            self.take(log.step, log.total_steps)

    def _due(self, log: StepLog) -> bool:
        """Whether a point has been passed; not where the weights are about to be validated, and taken after that.

        On a GPU steps are told of a few at a time: the weights are those after the last of them.
        """
        passed = (POINTS - 1) * log.step // log.total_steps > (POINTS - 1) * self.newest // log.total_steps
        return passed and log.step == self.trainer.step and not self.trainer.validates_next

    @torch.no_grad()
    def take(self, step: int, planned_steps: int) -> None:
        """Write what there is to see now."""
        measured_at, measured = self.trainer.validations[-1]
        moment = Moment(
            step=step,
            planned_steps=planned_steps,
            form=self.form,
            config=self.config,
            measured_at=measured_at,
            measured=Measured.of("validation", measured),
        )
        moments.write(self.folder, step, save(self._tensors(), {SAYS: moment.model_dump_json()}))
        self.newest = step

    def _tensors(self) -> dict[str, torch.Tensor]:
        if self.form == "nothing":
            return {}
        now = {name: weight.detach().cpu() for name, weight in self.trainer.weights.items()}
        if self.form == "tensors":
            return {name: narrowed(tensor) if self.narrow else tensor.contiguous() for name, tensor in now.items()}
        return pictures_of(self.config.method, self.architecture, now, self.base)


def narrowed(tensor: torch.Tensor) -> torch.Tensor:
    """A matrix in bf16; a vector as it is."""
    return (tensor.to(torch.bfloat16) if tensor.dim() > 1 else tensor).contiguous()


def pictures_of(
    config: MethodConfig,
    architecture: Architecture,
    now: Mapping[str, torch.Tensor],
    base: Mapping[str, torch.Tensor],
) -> dict[str, torch.Tensor]:
    """ΔW of a few places, as pictures."""
    update = hooks(config).update
    found: dict[str, torch.Tensor] = {}
    with kernels_of(1):  # in two threads they take twice the processor time, and on busy cores wait for one another
        for place in pictures.chosen(places(architecture, config)):
            at = At(place, config, architecture, now, base)
            found |= dict(pictures.picture(at, update(at)))
    return found


def form_of(config: MethodConfig, weights: Mapping[str, torch.Tensor], budget: int = BUDGET) -> tuple[Form, bool]:
    """What a snapshot of these weights holds, and whether its matrices are in bf16."""
    if not method_of(config).owns_weights:
        numbers = sum(weight.numel() for weight in weights.values())
        vectors = sum(weight.numel() for weight in weights.values() if weight.dim() < 2)
        headers = HEADER * (len(weights) + FEWEST)
        if POINTS * (4 * numbers + headers) <= budget:
            return "tensors", False
        if FEWEST * (2 * numbers + 2 * vectors + headers) <= budget:
            return "tensors", True
    return ("pictures" if hasattr(hooks(config), "update") else "nothing"), False
