"""Two checkpoints of one method over one base model, blended: t = 0 is the first, t = 1 the second.

    ΔW = (1 − t)·ΔW₁ + t·ΔW₂     where the method changes matrices by a product of two factors, as LoRA does
    θ  = (1 − t)·θ₁  + t·θ₂      of the trained numbers themselves, where the method says that they can be (`blend`)

A product of two blended factors is no blended product, so LoRA's are blended in ΔW: side by side, of rank r₁ + r₂.
"""

from pathlib import Path

import torch
from torch import nn

from peft_core.checkpoints.exchange.merging import Update, merged_model, updates
from peft_core.checkpoints.files import load_checkpoint
from peft_core.errors import PeftClassroomError
from peft_core.methods.common import wrapped_linears
from peft_core.methods.registry import method_label, method_of
from peft_core.t5.backbone import Backbone
from peft_core.t5.linear_form import linear_form


class Blend:
    """Two checkpoints and what lies between them. Not for two threads at once."""

    def __init__(self, first: Path, second: Path, backbone: Backbone) -> None:
        """
        Raises:
            PeftClassroomError: if one is damaged or of another base model, or what they trained cannot be blended.
        """
        loaded = [load_checkpoint(path, backbone) for path in (first, second)]
        (self._first, one), (self._second, two) = loaded
        method = method_of(one.method)
        if method_of(two.method) is not method:
            raise PeftClassroomError("Two checkpoints of one method can be blended, and these are of two methods.")
        self.max_length = max(one.max_length, two.max_length)
        self.in_matrices = False
        self._numbers = getattr(method.optional("dial"), "blend", None)
        if self._numbers is not None:
            if one.method != two.method:
                raise PeftClassroomError(
                    f"{method_label(one.method)} and {method_label(two.method)} have numbers of different places: "
                    "choose two with the same settings."
                )
            self._model, _ = load_checkpoint(first, backbone)
        else:
            self._parts = [updates(path, backbone) for path in (first, second)]
            if any(update.whole is not None for part in self._parts for update in part.values()):
                raise PeftClassroomError(
                    f"The updates of {method_label(one.method)} are no products of two small factors: they cannot be "
                    "put side by side."
                )
            self.in_matrices = True
            self._model, *_ = merged_model(self._parts, None, backbone)

    def at(self, t: float) -> nn.Module:
        """The blended model, until it is asked for again; at the ends the checkpoints themselves.

        Raises:
            PeftClassroomError: unless t is between 0 and 1.
        """
        if not 0 <= t <= 1:
            raise PeftClassroomError(f"t goes from 0, the first checkpoint, to 1, the second; not to {t}.")
        if t in (0, 1):
            return self._second if t else self._first
        if self._numbers is not None:
            self._numbers(self._model, self._first, self._second, t)
        else:
            self._mix((1 - t, t))
        return self._model

    @torch.no_grad()
    def _mix(self, weights: tuple[float, float]) -> None:
        """B = [w₁·B₁ w₂·B₂] of every matrix; what one of them does not change has its own columns alone."""
        for name, layer in wrapped_linears(self._model).items():
            beside = [
                part[name].times(weight) for part, weight in zip(self._parts, weights, strict=True) if name in part
            ]
            up = torch.cat([_up(update) for update in beside], dim=1)
            linear_form(layer).up[:, : up.shape[1]] = up


def _up(update: Update) -> torch.Tensor:
    assert update.up is not None  # the constructor has refused the others
    return update.up
