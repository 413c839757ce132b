"""A method that a branch does not know is an error there: it is never taken for another method."""

import copy

import pytest
import torch
from torch import nn

from peft_core.analysis.spectra.delta import check_method
from peft_core.counting.by_hand import count
from peft_core.errors import UnknownMethodError
from peft_core.methods import apply_method
from peft_core.methods.common import freeze
from peft_core.methods.fast import fuse
from peft_core.methods.places import places
from peft_core.methods.registry import method_label
from peft_core.t5.backbone import first_step_hidden
from peft_core.training.as_script.script import libraries
from peft_core.validated import Frozen
from tests.cases import TINY


class Stranger(Frozen):
    method: str = "stranger"


BRANCHES = {
    "label": method_label,
    "count": lambda config: count(TINY, config),
    "apply": lambda config: apply_method(nn.Linear(2, 2), config),
    "libraries": libraries,
    "delta": lambda config: check_method(config, "mine"),
    "places": lambda config: places(TINY, config),
}


@pytest.mark.parametrize("branch", BRANCHES.values(), ids=BRANCHES.keys())
def test_an_unknown_method_is_never_taken_for_another(branch):
    with pytest.raises(UnknownMethodError, match=r"Stranger|stranger|str"):
        branch(Stranger())


class Rescaled(nn.Module):
    """y = l ⊙ Wx, a layer that the fused modules were never told of."""

    def __init__(self, base_layer: nn.Linear) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.scale = nn.Parameter(1 + torch.rand(base_layer.weight.shape[0]))

    @property
    def weight(self) -> torch.Tensor:
        return self.base_layer.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale * self.base_layer(x)


def test_a_layer_that_fused_modules_do_not_know_is_computed_plainly(backbone, batch):
    plain = backbone.own_copy()
    freeze(plain)
    plain.eval()
    for parent in list(plain.modules()):
        for name, child in list(parent.named_children()):
            if name in ("k", "v", "wo") and isinstance(child, nn.Linear):
                setattr(parent, name, Rescaled(child))
    fused = fuse(copy.deepcopy(plain), torch.device("cpu"))
    answers = []
    for model in (plain, fused):
        scales = {name: p for name, p in model.named_parameters() if p.requires_grad}
        logits, _ = first_step_hidden(model, *batch)
        grads = torch.autograd.grad(logits.float().square().sum(), list(scales.values()), materialize_grads=True)
        answers.append((logits, dict(zip(scales, grads, strict=True))))
    (wanted, wanted_grads), (logits, grads) = answers
    torch.testing.assert_close(logits, wanted, atol=1e-5, rtol=1e-4)
    for name, grad in grads.items():
        torch.testing.assert_close(grad, wanted_grads[name], atol=1e-5, rtol=1e-3)
        assert grad.abs().max() > 0 or ("decoder.block" in name and "layer.0" in name), name
