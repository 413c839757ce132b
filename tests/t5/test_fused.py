"""Where fused modules draw random numbers as the plain ones do, and where they are not used."""

import copy

import torch

from peft_core.methods import apply_method
from peft_core.methods.fast import fuse
from peft_core.methods.lora.layer import lora_layers
from peft_core.methods.lora.method import TARGET_MODULES, LoraConfig
from peft_core.t5.backbone import first_step_hidden
from peft_core.t5.precision import set_backbone_dropout
from peft_core.training.loop.gradients import draws_random_numbers, slices_for

CPU = torch.device("cpu")


def test_with_dropout_a_fused_model_draws_what_a_plain_one_draws(backbone, batch):
    model = backbone.own_copy()
    set_backbone_dropout(model, 0.1)
    plain = apply_method(model, LoraConfig(dropout=0.1)).train()
    fused = fuse(copy.deepcopy(plain), CPU)
    answers = []
    for model in (plain, fused):
        torch.manual_seed(5)
        answers.append(first_step_hidden(model, *batch)[0])
    torch.testing.assert_close(*answers, atol=1e-5, rtol=1e-4)
    assert draws_random_numbers(fused)
    assert slices_for(fused, CPU, 64) == 1
    torch.testing.assert_close(*(first_step_hidden(model.eval(), *batch)[0] for model in (plain, fused)))


class Half(torch.nn.Module):
    """A dropout that draws nothing: whoever leaves it out has other numbers."""

    p = 0.5

    def forward(self, x):
        return 0.5 * x if self.training else x


def test_no_dropout_of_lora_is_left_out(backbone, batch):
    model = backbone.own_copy()
    set_backbone_dropout(model, 0.0)
    plain = apply_method(model, LoraConfig(target_modules=TARGET_MODULES)).train()
    for layer in lora_layers(plain).values():
        layer.dropout = Half()
        torch.nn.init.normal_(layer.lora_B)  # while B is zero, what A drops cannot be seen
    fused = fuse(copy.deepcopy(plain), CPU)
    torch.testing.assert_close(*(first_step_hidden(model, *batch)[0] for model in (fused, plain)), atol=1e-4, rtol=1e-3)


def test_a_model_for_a_gpu_stays_plain(backbone):
    model = fuse(backbone.own_copy(), torch.device("cuda"))
    assert not any(type(module).__name__.startswith("Fused") for module in model.modules())
