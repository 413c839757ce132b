"""What is compiled."""

import torch

from peft_core.training.device import COMPILE_FROM_STEPS, compile_if_it_pays

CPU = torch.device("cpu")


def test_only_a_long_run_on_a_gpu_is_compiled(backbone, monkeypatch):
    model, compiled = backbone.own_copy(), []
    monkeypatch.setattr(type(model), "compile", lambda self: compiled.append(self))
    assert not compile_if_it_pays(model, CPU, 10**6)
    assert not compile_if_it_pays(model, torch.device("cuda"), COMPILE_FROM_STEPS - 1)
    assert compiled == []
    assert compile_if_it_pays(model, torch.device("cuda"), COMPILE_FROM_STEPS)
    assert compiled == [model]
