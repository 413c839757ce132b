"""LoRA: a low-rank update beside a frozen linear layer (Hu et al. 2021, section 4.1).

    h = W₀·x + s·B·A·x            s = alpha / r; with rsLoRA (Kalajdzievski 2023) s = alpha / √r

    x   (…, in)                     W₀  (out, in)   frozen
    A   (r, in)    trainable        B   (out, r)    trainable

B starts at zero, so at step 0 the update B·A is zero and the model is exactly the base model. A starts random
(Kaiming-uniform, as in the paper's own code): were both zero, neither would ever receive a gradient.

DoRA (Liu et al. 2024, section 4) trains the length of every row by itself, and leaves the direction to LoRA:

    h = m ⊙ V·x / ‖V‖,   V = W₀ + s·B·A,   ‖V‖ (out) the length of each row,   m (out) trainable, ‖W₀‖ at step 0

In the gradient ‖V‖ counts as a constant (section 4.3). The lengths are those of the rows of W (out, in), as in peft;
the paper speaks of columns.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from peft_core.errors import PeftClassroomError
from peft_core.methods.common import WrappedLinear, freeze
from peft_core.methods.lora.method import LoraConfig
from peft_core.t5.linear_form import LinearForm


class LoRALinear(WrappedLinear):
    """A frozen linear layer (in → out) with its low-rank update."""

    def __init__(self, base_layer: nn.Linear, config: LoraConfig, name: str = "") -> None:
        """
        Args:
            name: dotted name of the layer in its model, for a rank or an alpha of its own.
        """
        super().__init__(base_layer)
        out_features, in_features = base_layer.weight.shape
        device, r = base_layer.weight.device, config.rank_at(name)
        self.scaling = config.scaling_at(name)
        self.dropout = nn.Dropout(config.dropout)
        self.lora_A = nn.Parameter(torch.empty(r, in_features, device=device))
        self.lora_B = nn.Parameter(torch.zeros(out_features, r, device=device))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))

    def update(self, x: torch.Tensor) -> torch.Tensor:
        """s·B·A·x: (…, in) → (…, out)"""
        return self.scaling * F.linear(F.linear(x, self.lora_A.to(x.dtype)), self.lora_B.to(x.dtype))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (…, in) → (…, out)"""
        h = self.base_layer(x)
        return h if self.merged else h + self.update(self.dropout(x))

    def linear_form(self) -> LinearForm | None:
        """W₀ + s·B·A, as its parts."""
        if self.merged:
            return LinearForm(self.base_layer.weight)
        if self.drops:
            return None
        return LinearForm(self.base_layer.weight, down=self.lora_A, up=self.lora_B, factor=self.scaling)

    @torch.no_grad()
    def delta_weight(self) -> torch.Tensor:
        """ΔW = s·B·A, shape (out, in), fp32."""
        return self.scaling * (self.lora_B.float() @ self.lora_A.float())

    @property
    def drops(self) -> bool:
        """Whether dropout is at work."""
        return self.training and self.dropout.p > 0


class DoRALinear(LoRALinear):
    """A frozen linear layer with a low-rank update, every row of the whole at a trained length."""

    def __init__(self, base_layer: nn.Linear, config: LoraConfig, name: str = "") -> None:
        super().__init__(base_layer, config, name)
        self.lora_magnitude_vector = nn.Parameter(self.row_norms())

    @torch.no_grad()
    def row_norms(self) -> torch.Tensor:
        """‖W₀ + s·B·A‖ of each row, (out), fp32: no gradient flows through it."""
        return torch.linalg.vector_norm(self._frozen.float() + super().delta_weight(), dim=1)

    def row_scale(self) -> torch.Tensor:
        """m / ‖W₀ + s·B·A‖, (out): what each row is multiplied by."""
        return self.lora_magnitude_vector / self.row_norms()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (…, in) → (…, out)

        Dropout takes away from all that training changes, also from m's part of W₀·x, as in peft.
        """
        if self.merged:
            return self.base_layer(x)
        scale = self.row_scale().to(x.dtype)
        if not self.drops:
            return scale * super().forward(x)
        kept = self.dropout(x)
        return self.base_layer(x) + (scale - 1) * self.base_layer(kept) + scale * self.update(kept)

    def linear_form(self) -> LinearForm | None:
        """diag(m / ‖V‖)·(W₀ + s·B·A), as its parts."""
        form = super().linear_form()
        return form if form is None or self.merged else form._replace(scale_out=self.row_scale())

    @torch.no_grad()
    def delta_weight(self) -> torch.Tensor:
        """ΔW = m ⊙ V / ‖V‖ − W₀, shape (out, in), fp32: of full rank, unlike B·A."""
        before = self._frozen.float()
        return self.row_scale().unsqueeze(1) * (before + super().delta_weight()) - before

    @property
    def _frozen(self) -> torch.Tensor:
        """W₀, also while the layer is merged."""
        return self.base_layer.weight if self._weight_before_merge is None else self._weight_before_merge


PACKED = (LoRALinear, DoRALinear)


def apply(model: nn.Module, config: LoraConfig, prompt_ids: list[int] | None = None) -> nn.Module:
    """Freeze `model` and wrap its target modules; returns the same model.

    Raises:
        PeftClassroomError: if a target module is not there.
    """
    found = {n: child for n, child in model.named_modules() if isinstance(child, nn.Linear) and config.covers(n)}
    there = found.keys() | {name.rpartition(".")[2].split("_")[0] for name in found}
    if missing := [name for name in config.target_modules if name not in there]:
        raise PeftClassroomError(f"This model has no linear layer named {', '.join(missing)}.")
    freeze(model)
    kind = DoRALinear if config.use_dora else LoRALinear
    for name, child in found.items():
        parent, _, last = name.rpartition(".")
        setattr(model.get_submodule(parent), last, kind(child, config, name))
    return model


def lora_layers(model: nn.Module) -> dict[str, LoRALinear]:
    """The LoRA layers of `model` by their dotted name."""
    return {name: module for name, module in model.named_modules() if isinstance(module, LoRALinear)}
