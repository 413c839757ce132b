"""A trained checkpoint with dials: louder, quieter or off, fewer terms, fewer rows.

What can be turned is the method's to say: `dial.py` in its folder. What such a file lacks is not offered, and no dial
of another method takes its place. `Dialled` has tensors of its own: the checkpoint that others ask is never touched.
"""

from math import isfinite
from pathlib import Path

import torch
from torch import nn

from peft_core.checkpoints.dials.setting import FEWEST_ROWS, MOST, Offered, Setting
from peft_core.checkpoints.files import load_checkpoint
from peft_core.errors import PeftClassroomError
from peft_core.methods import trainable_tensors
from peft_core.methods.registry import method_label, method_of
from peft_core.t5.backbone import Backbone


class Dialled:
    """One checkpoint with dials, over the backbone's shared weights. Not for two threads at once."""

    def __init__(self, folder: Path, backbone: Backbone) -> None:
        """
        Raises:
            PeftClassroomError: if the checkpoint is damaged or made for another base model.
        """
        self._model, self.record = load_checkpoint(folder, backbone)
        self._base = backbone.model
        self._dial = method_of(self.record.method).optional("dial")
        self._trained = _values(self._model)
        self._ordered: dict[str, torch.Tensor] | None = None
        self.offered = Offered(
            factor=self._has("scale"),
            terms=self._dial.terms(self._model) if self._has("keep_terms") else 0,
            rows=self._dial.rows(self._model) if self._has("keep_rows") else 0,
        )

    def _has(self, dial: str) -> bool:
        return hasattr(self._dial, dial)

    @property
    def max_length(self) -> int:
        """Tokens of a review that are read."""
        return self.record.max_length

    def at(self, setting: Setting) -> nn.Module:
        """The model with the dials so, until they are turned again; off: the base model.

        Raises:
            PeftClassroomError: for a dial that this method has not, or a value that it does not go to.
        """
        self._check(setting)
        if not setting.on:
            return self._base
        fewer = setting.terms is not None and setting.terms < self.offered.terms
        _restore(self._model, self._in_order() if fewer else self._trained)
        if fewer:
            self._dial.keep_terms(self._model, setting.terms)
        if setting.rows is not None and setting.rows < self.offered.rows:
            self._dial.keep_rows(self._model, setting.rows)
        if setting.factor != 1:  # times 1 is exactly as trained, whatever rounding would do
            self._dial.scale(self._model, setting.factor)
        return self._model

    def _check(self, setting: Setting) -> None:
        asked = {"α": setting.factor != 1, "terms": setting.terms is not None, "rows": setting.rows is not None}
        there = {"α": self.offered.factor, "terms": self.offered.terms > 0, "rows": self.offered.rows > 0}
        if missing := [name for name in asked if asked[name] and not there[name]]:
            raise PeftClassroomError(f"{method_label(self.record.method)} has no dial for {missing[0]}.")
        if not (isfinite(setting.factor) and 0 <= setting.factor <= MOST):
            raise PeftClassroomError(f"α goes from 0 to {MOST:g} times what was trained, not to {setting.factor}.")
        for name, value, low, high in (
            ("terms", setting.terms, 0, self.offered.terms),
            ("rows", setting.rows, FEWEST_ROWS, self.offered.rows),
        ):
            if value is not None and not low <= value <= high:
                raise PeftClassroomError(f"Between {low} and {high} {name} can be kept, not {value}.")

    def _in_order(self) -> dict[str, torch.Tensor]:
        """The tensors with their terms in order: computed once, for every number of terms."""
        if self._ordered is None:
            _restore(self._model, self._trained)
            self._dial.order(self._model)
            self._ordered = _values(self._model)
        return self._ordered


def _values(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in trainable_tensors(model).items()}


def _restore(model: nn.Module, values: dict[str, torch.Tensor]) -> None:
    """Put `values` back, also where a dial has put a smaller parameter in the place of one that modules share."""
    with torch.no_grad():
        for name, parameter in trainable_tensors(model).items():
            value = values[name]
            if parameter.shape == value.shape:
                parameter.copy_(value)
            else:
                _replace(model, parameter, nn.Parameter(value.clone()))


def _replace(model: nn.Module, before: nn.Parameter, after: nn.Parameter) -> None:
    for module in model.modules():
        for name, parameter in list(module.named_parameters(recurse=False, remove_duplicate=False)):
            if parameter is before:
                setattr(module, name, after)
